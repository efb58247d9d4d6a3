"""`/api/v2/workflows/{id}/replays`: recorded runs replayed together on a version or the draft."""

import hashlib
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel
from starlette.responses import Response

from gateway.access.credentials import Caller
from gateway.replays.presenters import junit_report, run_body, set_body
from gateway.replays.service import ReplayRequest, ReplaySetService
from gateway.v2.models import ErrorAnswer
from gateway.v2.routes import NO_STORE, V2Access, v2_router
from gateway.web.bodies import Data, RequestBody, Wire, json_of
from gateway.web.routes import answers
from shared.contracts.replay_sets import (
    MAX_REPLAYED_RUNS,
    ModelBudget,
    ReplayedVerdict,
    ReplaySetStatus,
    ReplayThresholds,
)
from shared.ids import RUN_KEY_LENGTH
from shared.web.struct_bodies import StructResponse

XML = "application/xml"
Count = Annotated[int, Field(ge=0, le=MAX_REPLAYED_RUNS)]


class ModelsBody(RequestBody):
    """Where answers of models come from."""

    mode: Literal["recorded", "live"] = Field(
        "recorded", description="`live`: call models whose answer is not recorded, within the budget."
    )
    max_dollars: float | None = Field(None, gt=0, le=10_000, description="Budget; required for `live`.")
    max_calls: int | None = Field(None, ge=1, le=100_000, description="Largest number of calls; required for `live`.")

    @model_validator(mode="after")
    def _require_budget(self) -> "ModelsBody":
        if self.mode == "live" and (self.max_dollars is None or self.max_calls is None):
            raise ValueError("live models require maxDollars and maxCalls")
        return self

    @property
    def budget(self) -> ModelBudget | None:
        """Return the budget for live models."""
        if self.mode == "recorded" or self.max_dollars is None or self.max_calls is None:
            return None
        return ModelBudget(self.max_dollars, self.max_calls)


class ReplaysBody(RequestBody):
    """What to replay, and on what. Neither version nor draft: the live version."""

    version: int | None = Field(None, ge=1, lt=2**31, description="Number of the version.")
    draft: bool = Field(False, description="Replay on the draft.")
    last: int = Field(200, ge=1, le=MAX_REPLAYED_RUNS, description="Number of recorded runs, newest first.")
    run_ids: list[Annotated[str, StringConstraints(min_length=1, max_length=RUN_KEY_LENGTH)]] | None = Field(
        None, min_length=1, max_length=MAX_REPLAYED_RUNS, description="Recorded runs, instead of the last ones."
    )
    ignore: list[Annotated[str, StringConstraints(min_length=1, max_length=500)]] = Field(
        [], max_length=100, description="Output fields that may differ, as block.path, with * for any text."
    )
    max_different: Count = Field(0, description="Runs that may be different.")
    max_unrecorded: Count = Field(0, description="Runs that may have an unrecorded call.")
    max_failed: Count = Field(0, description="Runs that may fail.")
    models: ModelsBody = ModelsBody()
    suggest_ignore: bool = Field(
        True, description="Find fields that differ between two replays of the version that was recorded."
    )

    @model_validator(mode="after")
    def _require_one_target(self) -> "ReplaysBody":
        if self.draft and self.version is not None:
            raise ValueError("version and draft cannot be combined")
        return self


class ReplayTarget(Wire):
    """Content that is replayed."""

    version: int | None
    draft: bool
    content_hash: str


class Thresholds(Wire):
    """Largest numbers of runs with which a replay passes."""

    max_different: int
    max_unrecorded: int
    max_failed: int


class Models(Wire):
    """Where answers of models come from, and how many calls were made."""

    mode: Literal["recorded", "live"]
    max_dollars: float | None
    max_calls: int | None
    calls: int


class Counts(Wire):
    """Number of runs with each verdict."""

    same: int
    different: int
    unrecorded: int
    failed: int
    skipped: int


class Latency(Wire):
    """Median duration of recorded and replayed runs."""

    recorded_p50_ms: float | None = Field(alias="recordedP50Ms")
    replayed_p50_ms: float | None = Field(alias="replayedP50Ms")


class ReplayCost(Wire):
    """Spend on models in US dollars."""

    recorded: float
    replayed: float


class Replay(Wire):
    """Replay of recorded runs, and its results so far."""

    id: str
    status: ReplaySetStatus
    created_at: str
    finished_at: str | None
    expires_at: str | None
    created_by: str
    target: ReplayTarget
    ignore: list[str]
    thresholds: Thresholds
    models: Models
    total: int
    done: int
    counts: Counts
    refusals: list[str] = Field(description="Why the replay does not pass.")
    latency: Latency
    cost: ReplayCost
    suggested_ignore: list[str] | None = Field(description="Fields that change in every run; null until known.")


class ReplayList(Wire):
    data: list[Replay]
    next_cursor: str | None


class ChangedValue(Wire):
    """Difference of two values; an added one has no `before`, a removed one no `after`."""

    path: str
    before: Any = None
    after: Any = None


class ChangedBlock(Wire):
    """Block that behaves differently."""

    path: str
    block_id: str
    block_name: str = ""
    block_type: str = ""
    reason: str
    differences: list[ChangedValue] = Field([])


class ReplayResultRow(Wire):
    """Result of one recorded run."""

    run_id: str
    replay_run_id: str | None
    verdict: ReplayedVerdict | None
    reason: str | None
    status: str | None = None
    recorded_status: str | None = None
    first_difference: ChangedBlock | None = None
    unrecorded_call: ChangedBlock | None = None
    output: list[ChangedValue] | None = Field(None, description="Differences of the final output.")
    error: str | None = None
    blocks: int | None = None
    duration_ms: float | None = None
    recorded_duration_ms: float | None = None
    is_cut: bool | None = None


class ReplayResultList(Wire):
    data: list[ReplayResultRow]
    next_cursor: str | None


class ReplayReport(Wire):
    """Replay with all results."""

    replay: Replay
    runs: list[ReplayResultRow]


class ResultQuery(BaseModel):
    """Filter of results."""

    model_config = ConfigDict(alias_generator=to_camel)

    verdict: ReplayedVerdict | None = None
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, pattern=r"^[0-9]{1,6}$")


def replays_router(access: V2Access, replays: ReplaySetService) -> APIRouter:
    """Replays of recorded runs."""
    router = v2_router(400, 401, 403, 404, 429, 503, prefix="/api/v2/workflows/{workflow_id}/replays")
    WorkflowCaller = Annotated[Caller, Depends(access.to_workflow)]  # noqa: N806 - a type

    @router.post(
        "",
        status_code=202,
        response_model=Data[Replay],
        summary="Replay recorded runs on a version or the draft",
        responses=answers(ErrorAnswer, 402, 409, 413),
    )
    async def create(
        caller: WorkflowCaller,
        workflow_id: str,
        body: Annotated[ReplaysBody, Depends(json_of(ReplaysBody))],
        idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255)] = None,
    ) -> Response:
        created = await replays.create(caller, workflow_id, _request(body, idempotency_key))
        return StructResponse({"data": set_body(created)}, 202, NO_STORE)

    @router.get("", response_model=ReplayList, summary="List replays")
    async def page(
        caller: WorkflowCaller,
        workflow_id: str,
        limit: Annotated[int, Query(ge=1, le=100)] = 50,
        cursor: Annotated[str | None, Query(max_length=500)] = None,
    ) -> Response:
        found = await replays.page(caller, workflow_id, limit=limit, cursor=cursor)
        return StructResponse(
            {"data": list(map(set_body, found.sets)), "nextCursor": found.next_cursor}, headers=NO_STORE
        )

    @router.get("/{replay_id}", response_model=Data[Replay], summary="Show a replay")
    async def get(caller: WorkflowCaller, workflow_id: str, replay_id: str) -> Response:
        found = await replays.get(caller, workflow_id, replay_id)
        return StructResponse({"data": set_body(found)}, headers=NO_STORE)

    @router.get("/{replay_id}/results", response_model=ReplayResultList, summary="List the results of a replay")
    async def results(
        caller: WorkflowCaller, workflow_id: str, replay_id: str, query: Annotated[ResultQuery, Query()]
    ) -> Response:
        found = await replays.runs(
            caller, workflow_id, replay_id, verdict=query.verdict, limit=query.limit, cursor=query.cursor
        )
        return StructResponse(
            {"data": list(map(run_body, found.runs)), "nextCursor": found.next_cursor}, headers=NO_STORE
        )

    @router.get(
        "/{replay_id}/report",
        response_model=Data[ReplayReport],
        summary="Get the report of a replay as JSON or JUnit XML",
    )
    async def report(
        caller: WorkflowCaller,
        workflow_id: str,
        replay_id: str,
        format_: Annotated[Literal["json", "junit"], Query(alias="format")] = "json",
    ) -> Response:
        found, runs = await replays.report(caller, workflow_id, replay_id)
        if format_ == "junit":
            return Response(junit_report(workflow_id, runs), media_type=XML, headers=NO_STORE)
        body = {"replay": set_body(found), "runs": list(map(run_body, runs))}
        return StructResponse({"data": body}, headers=NO_STORE)

    @router.post("/{replay_id}/cancel", response_model=Data[Replay], summary="Cancel a replay")
    async def cancel(caller: WorkflowCaller, workflow_id: str, replay_id: str) -> Response:
        canceled = await replays.cancel(caller, workflow_id, replay_id)
        return StructResponse({"data": set_body(canceled)}, headers=NO_STORE)

    return router


def _request(body: ReplaysBody, idempotency_key: str | None) -> ReplayRequest:
    return ReplayRequest(
        version=body.version,
        is_draft=body.draft,
        last=body.last,
        run_ids=body.run_ids or (),
        ignore=body.ignore,
        thresholds=ReplayThresholds(body.max_different, body.max_unrecorded, body.max_failed),
        budget=body.models.budget,
        suggest_ignore=body.suggest_ignore,
        idempotency_key=idempotency_key,
        fingerprint=hashlib.sha256(body.model_dump_json().encode()).hexdigest(),
    )
