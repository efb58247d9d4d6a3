"""Runs of workflows and drafts."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

import msgspec

from gateway.access.credentials import Caller, Scope
from gateway.lookup_cache import or_none
from gateway.parsing.problems import Problem
from gateway.runs.attached import BrokerAttachedRuns
from gateway.runs.requests import LATEST, Continuation, DraftRun, input_of, outputs_of
from gateway.runs.views import output_payload
from shared.clients.deploy.workflows import HttpDeployClient
from shared.clients.jobs.runs import HttpJobsClient
from shared.clock import iso
from shared.contracts.deployments import Endpoint, SnapshotDraft
from shared.contracts.jobs import (
    EVERY_RUN,
    REDACTED,
    CancelAnswer,
    CancelledRuns,
    PausePoint,
    ResumeAnswer,
    ResumeRun,
    RunFilter,
    RunPage,
    RunView,
)
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunFromBlock, RunStatus, SnapshotRef
from shared.errors import InvalidRequest, NotFound
from shared.workflow.format.input_format import InputField, read_input_format
from shared.workflow.format.references import texts

LOOKUP_DELAYS: Final = (0.0, 0.05, 0.2, 0.5, 1.0)
"""Delays between look-ups of an earlier run, which may be recorded shortly after its answer."""


UNFINISHED: Final = frozenset({RunStatus.QUEUED, RunStatus.PROCESSING})


@dataclass(frozen=True, slots=True)
class Prepared:
    """What to run. `snapshot` is None for the live version, `input` if the call brings its own."""

    snapshot: SnapshotRef | None
    text_block_ids: tuple[str, ...]
    run_from: RunFromBlock | None
    input: Payload | None


AS_CALLED: Final = Prepared(None, (), None, None)
"""The live version on the call's own input."""


class DraftRuns:
    """Preparation of draft runs."""

    def __init__(self, authoring: HttpDeployClient, jobs: HttpJobsClient, payloads: HttpJobsClient) -> None:
        self._authoring = authoring
        self._jobs = jobs
        self._payloads = payloads

    async def prepare(self, caller: Caller, endpoint: Endpoint, draft_run: DraftRun) -> Prepared:
        """Store what the run needs. Raises Forbidden, NotFound, InvalidWorkflow, InvalidRequest, Unavailable."""
        if draft_run.needs_write:
            caller.require(Scope.WRITE)
        run_from = None if draft_run.continuation is None else await self._run_from(endpoint, draft_run.continuation)
        input_ = None if draft_run.input_run_id is None else await self._input_of(endpoint, draft_run.input_run_id)
        if not draft_run.uses_draft:
            return Prepared(None, (), run_from, input_)
        stored = await self._authoring.snapshot_draft(
            endpoint.workspace_id, endpoint.workflow_id, SnapshotDraft(draft_run.state)
        )
        snapshot = SnapshotRef(endpoint.workspace_id, endpoint.workflow_id, stored.snapshot_hash)
        return Prepared(snapshot, stored.text_block_ids, run_from, input_)

    async def _run_from(self, endpoint: Endpoint, continuation: Continuation) -> RunFromBlock:
        outputs = continuation.outputs
        if outputs is None:
            outputs = await self._outputs_of_earlier(endpoint, continuation.run_id or LATEST)
        document = msgspec.json.encode(outputs)
        return RunFromBlock(continuation.block_id, await self._payloads.put(endpoint.workspace_id, document))

    async def _outputs_of_earlier(self, endpoint: Endpoint, run_id: str) -> dict[str, object]:
        which = "workflow" if run_id == LATEST else f"execution {run_id}"
        missing = f"No execution state found for {which}. Run the full workflow first."
        if run_id == LATEST:
            page = await self._jobs.runs(endpoint.workspace_id, endpoint.workflow_id, limit=1, cursor=None)
            if not page.runs:
                raise InvalidRequest(missing)
            run_id = page.runs[0].run_id
        run = await self._finished_run(endpoint, run_id)
        if run is None:
            raise InvalidRequest(missing)
        return outputs_of(run.blocks)

    async def _input_of(self, endpoint: Endpoint, run_id: str) -> Payload:
        run = await self._finished_run(endpoint, run_id)
        if run is None:
            raise NotFound("Source workflow execution was not found")
        input_ = input_of(run.blocks)
        if input_ is None:
            raise InvalidRequest(f"No input found for execution {run_id}")
        if any(REDACTED in text for text in texts(input_)):
            problem = f"The input of execution {run_id} contains secrets, which are not stored."
            raise InvalidRequest(f"{problem} Send the input again.")
        return await self._payloads.put(endpoint.workspace_id, msgspec.json.encode(input_))

    async def _finished_run(self, endpoint: Endpoint, run_id: str) -> RunView | None:
        """Return the run with all block outputs. Raises InvalidRequest while it still runs."""
        for seconds in LOOKUP_DELAYS:
            await asyncio.sleep(seconds)
            run = await self._find(endpoint, run_id)
            if run is None or run.status not in UNFINISHED:
                return run
        raise InvalidRequest(f"Execution {run_id} has not ended yet. Retry when it has ended.")

    async def _find(self, endpoint: Endpoint, run_id: str) -> RunView | None:
        run = await or_none(self._jobs.run(endpoint.workspace_id, run_id, blocks=True))
        return run if run is not None and run.workflow_id == endpoint.workflow_id else None


T = TypeVar("T")


RETRY_DELAYS: Final = (0.05, 0.1, 0.2, 0.4)
"""Delays before looking up a run again."""


async def retry_not_found(look: Callable[[], Awaitable[T]], after: Sequence[float] = RETRY_DELAYS) -> T:
    """Return what `look` finds, retried after each delay in `after`. Raises NotFound, and what else `look` raises."""
    for seconds in after:
        with suppress(NotFound):
            return await look()
        await asyncio.sleep(seconds)
    return await look()


MISSING: Final = "Execution not found"


ANNOUNCED_DELAYS: Final = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Delays between look-ups of an announced run; after the last, the run is not found."""


class WorkflowRuns:
    """Service for a workflow's runs. Runs of another workflow or workspace are not found."""

    def __init__(self, jobs: HttpJobsClient, attached: BrokerAttachedRuns, payloads: HttpJobsClient) -> None:
        self._jobs = jobs
        self._attached = attached
        self._payloads = payloads

    async def find(self, caller: Caller, workflow_id: str, run_id: str, *, output: bool, blocks: bool) -> RunView:
        """Return one run. Raises MissingScope, NotFound, Unavailable."""
        caller.require(Scope.READ, Scope.EXECUTE)
        return await self.locate(caller, workflow_id, run_id, output=output, blocks=blocks)

    async def find_with_output(
        self, caller: Caller, workflow_id: str, run_id: str, *, output: bool, blocks: bool
    ) -> tuple[RunView, bytes | None]:
        """Return one run, and its output as JSON if requested and present. Raises as `find`."""
        run = await self.find(caller, workflow_id, run_id, output=output, blocks=blocks)
        payload = output_payload(run) if output else None
        return run, None if payload is None else await self.output(run, payload)

    async def locate(self, caller: Caller, workflow_id: str, run_id: str, *, output: bool, blocks: bool) -> RunView:
        """Return one run of the workflow, without checking scopes. Raises NotFound, Unavailable."""
        return await retry_not_found(partial(self._own, caller, workflow_id, run_id, output=output, blocks=blocks))

    async def page(
        self, caller: Caller, workflow_id: str, *, limit: int, cursor: str | None, only: RunFilter = EVERY_RUN
    ) -> RunPage:
        """Return runs, newest first. Raises MissingScope, InvalidRequest, Unavailable."""
        caller.require(Scope.READ, Scope.EXECUTE)
        return await self._jobs.runs(caller.workspace.id, workflow_id, limit=limit, cursor=cursor, only=only)

    async def cancel_all(self, caller: Caller, workflow_id: str, only: RunFilter) -> CancelledRuns:
        """Cancel every unfinished run. Raises Forbidden, Unavailable."""
        require_to_steer(caller)
        return await self._jobs.cancel_all(caller.workspace.id, workflow_id, only)

    async def cancel(self, caller: Caller, workflow_id: str, run_id: str) -> CancelAnswer:
        """Cancel a run. Raises Forbidden, NotFound, Conflict (it is over), Unavailable."""
        require_to_steer(caller)
        # Checked first: a cancelled run soon disappears.
        waited_for = self._attached.holds(caller.workspace.id, workflow_id, run_id)
        if not waited_for:
            # jobs-service remembers a cancel of an unknown run and would apply it to the next run with this id.
            await self._require(caller, workflow_id, run_id)
        try:
            answer = await self._jobs.cancel(caller.workspace.id, workflow_id, run_id)
        except NotFound:
            raise NotFound(MISSING) from None
        if waited_for:
            await self._attached.announce(caller.workspace.id, run_id)
        return answer

    async def output(self, run: RunView, payload: Payload) -> bytes:
        """Return a value of the run as JSON. Raises NotFound, Unavailable."""
        return await self._payloads.get(run.workspace_id, payload)

    async def _require(self, caller: Caller, workflow_id: str, run_id: str) -> None:
        """Wait until the run is stored. If it is not, request that from the process that runs it. Raises NotFound."""
        look = partial(self._own, caller, workflow_id, run_id)
        try:
            await look()
        except NotFound:
            await self._attached.announce(caller.workspace.id, run_id)
            await retry_not_found(look, ANNOUNCED_DELAYS)

    async def _own(
        self, caller: Caller, workflow_id: str, run_id: str, *, output: bool = False, blocks: bool = False
    ) -> RunView:
        try:
            run = await self._jobs.run(caller.workspace.id, run_id, output=output, blocks=blocks)
        except NotFound:
            raise NotFound(MISSING) from None
        if run.workflow_id != workflow_id:
            raise NotFound(MISSING)
        return run


def require_to_steer(caller: Caller) -> None:
    """Raise MissingScope or AccessDenied unless the caller may cancel and redrive runs.

    A key may control runs that it may start. A user needs the role `write`: the run may be another user's.
    """
    caller.require(Scope.EXECUTE)
    caller.require_role(Scope.WRITE)


NOT_PAUSED = "Paused execution not found"


NO_CONTEXT = "Pause context not found"


MAX_LISTED = 100


PAUSED = RunFilter(RunStatus.PAUSED)


class PausedRuns:
    """Service for paused runs. Runs of another workflow or workspace are not found."""

    def __init__(self, runs: WorkflowRuns, jobs: HttpJobsClient) -> None:
        self._runs = runs
        self._jobs = jobs

    async def paused(self, caller: Caller, workflow_id: str, cursor: str | None) -> RunPage:
        """Return the paused runs of a workflow, newest first. Raises MissingScope, InvalidRequest, Unavailable."""
        return await self._runs.page(caller, workflow_id, limit=MAX_LISTED, cursor=cursor, only=PAUSED)

    async def find(self, caller: Caller, workflow_id: str, run_id: str, context_id: str | None = None) -> RunView:
        """Return a paused run, with this context if given. Raises MissingScope, NotFound, Unavailable."""
        try:
            run = await self._runs.find(caller, workflow_id, run_id, output=True, blocks=False)
        except NotFound:
            raise NotFound(NOT_PAUSED) from None
        if not run.pauses:
            raise NotFound(NOT_PAUSED)
        if context_id is not None and all(point.context_id != context_id for point in run.pauses):
            raise NotFound(NO_CONTEXT)
        return run

    async def output(self, run: RunView) -> bytes | None:
        """Return the paused run's output as JSON. Raises NotFound, Unavailable."""
        return None if run.output is None else await self._runs.output(run, run.output)

    async def resume(
        self, caller: Caller, workflow_id: str, run_id: str, context_id: str, answer: Mapping[str, Any]
    ) -> tuple[RunView, ResumeAnswer]:
        """Resume a paused run with an answer to its form.

        Raises MissingScope, NotFound, InvalidRequest, Conflict (answered before), PayloadTooLarge, Unavailable.
        """
        caller.require(Scope.APPROVE)
        try:
            run = await self._runs.locate(caller, workflow_id, run_id, output=True, blocks=False)
        except NotFound:
            raise NotFound(NOT_PAUSED) from None
        if any(point.context_id == context_id for point in run.pauses):
            check_answer(responses_of(run, await self.output(run)).get(context_id), answer)
        request = ResumeRun(caller.workspace.id, workflow_id, context_id, msgspec.Raw(msgspec.json.encode(answer)))
        return run, await self._jobs.resume(run_id, request)


NO_OBJECT = "Resume input must be a JSON object"


def paused_facts(run: RunView) -> dict[str, Any] | None:
    """Return the pause in a run's status; None if it is not paused."""
    if run.paused_at is None:
        return None
    return {"pausedAt": iso(run.paused_at), "pausePoints": [_facts(point) for point in run.pauses]}


def paused_execution(run: RunView, output: bytes | None, public_url: str) -> dict[str, Any]:
    """Return a paused run with all its pauses; `output` is its output so far, if requested."""
    responses = responses_of(run, output)
    paused_at = iso(run.paused_at) if run.paused_at else None
    return {
        "id": run.run_id,
        "workflowId": run.workflow_id,
        "executionId": run.run_id,
        "status": "paused" if run.paused_at else "partially_resumed",
        "totalPauseCount": len(run.pauses),
        "resumedCount": 0,
        "pausedAt": paused_at,
        "updatedAt": paused_at,
        "expiresAt": None,
        "metadata": {},
        "triggerIds": [],
        "pausePoints": [
            {
                **_facts(point),
                "response": responses.get(point.context_id),
                "resumeStatus": "paused",
                "snapshotReady": True,
                "resumeLinks": _links(run, point, public_url),
            }
            for point in run.pauses
        ],
    }


def answer_in(body: Any) -> dict[str, Any]:
    """Return the answer in a resume call: its `input`, or the whole body. Raises InvalidRequest."""
    fields = body["input"] if isinstance(body, dict) and "input" in body else body
    if not isinstance(fields, dict):
        raise InvalidRequest(NO_OBJECT)
    return fields


def _facts(point: PausePoint) -> dict[str, Any]:
    return {
        "contextId": point.context_id,
        "blockId": point.block_id,
        "pauseKind": point.kind,
        "registeredAt": iso(point.registered_at),
        "resumeAt": iso(point.resume_at) if point.resume_at else None,
    }


def responses_of(run: RunView, output: bytes | None) -> Mapping[str, Any]:
    """Return what each pause shows, by context."""
    shown = msgspec.json.decode(output) if output else None
    if not isinstance(shown, dict):
        return {}
    several = shown.get("pausedBlocks")
    if isinstance(several, list):
        return {
            each["contextId"]: {key: value for key, value in each.items() if key not in ("contextId", "blockId")}
            for each in several
        }
    return {point.context_id: shown for point in run.pauses[:1]}


def _links(run: RunView, point: PausePoint, public_url: str) -> dict[str, str]:
    path = f"{run.workflow_id}/{run.run_id}"
    return {
        "apiUrl": f"{public_url}/api/resume/{path}/{point.context_id}",
        "uiUrl": f"{public_url}/resume/{path}",
        "contextId": point.context_id,
        "executionId": run.run_id,
        "workflowId": run.workflow_id,
    }


_TYPES: Final[Mapping[str, tuple[str, Callable[[Any], bool]]]] = {
    "string": ("text", lambda value: isinstance(value, str | int | float | bool)),
    "number": ("a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool)),
    "boolean": ("true or false", lambda value: isinstance(value, bool)),
    "object": ("an object", lambda value: isinstance(value, dict)),
    "array": ("a list", lambda value: isinstance(value, list)),
    "file[]": ("a list of files", lambda value: isinstance(value, list)),
}
"""Expectation and check of each type. Other types accept any value."""


def check_answer(response: Any, answer: Mapping[str, Any]) -> None:
    """Validate `answer` against the form in a pause's `response`. Raises InvalidRequest, naming each field."""
    data = response.get("data") if isinstance(response, dict) else None
    form = read_input_format(data.get("inputFormat")) if isinstance(data, dict) else ()
    problems = [problem for field in form for problem in _problems(field, answer.get(field.name))]
    if problems:
        raise InvalidRequest("; ".join(problem.message for problem in problems), details=problems)


def _problems(field: InputField, value: Any) -> Iterator[Problem]:
    expected, is_that = _TYPES.get(field.type, ("a value", lambda value: True))
    if value is None or value == "":
        if field.required:
            yield Problem(field.name, f"{field.name} is required: {expected}")
    elif not is_that(value):
        yield Problem(field.name, f"{field.name} must be {expected}")
