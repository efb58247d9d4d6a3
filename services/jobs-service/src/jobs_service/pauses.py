"""Pauses of runs, and their answers."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path
from msgspec.structs import replace
from starlette.responses import Response

from jobs_service.cancels import CancelService
from jobs_service.journal import JournalRepository
from jobs_service.leadership import WakeUpEvent
from jobs_service.payloads import BlobRepository, Payloads
from jobs_service.runs.documents import AdoptedRun, LoadedRun, RunRepository, RunResult
from jobs_service.runs.repository import retry_on_conflict
from jobs_service.runs.rules import MAX_PAUSES, answer, pause_attached
from jobs_service.runs.run import Phase, Rules, Run
from shared.contracts.jobs import PauseRun, ResumeAnswer, ResumeRun
from shared.contracts.payloads import Payload
from shared.errors import Conflict, InvalidRequest, NotFound
from shared.ids import RUN_KEY_LENGTH
from shared.service import ServiceName
from shared.web.internal_auth import ServiceTokens, only
from shared.web.run_tickets import RunAccess, TicketChecks
from shared.web.struct_bodies import StructResponse, struct_body

MARGIN: Final = timedelta(days=14)
"""Lifetime of values after the longest wait: the rest of the run and its retention."""


class PauseService:
    """Pauses of runs. A paused run holds no worker; the store has all of it."""

    def __init__(
        self,
        *,
        runs: RunRepository,
        journal: JournalRepository,
        blobs: BlobRepository,
        payloads: Payloads,
        cancels: CancelService,
        rules: Rules,
        dispatcher: WakeUpEvent,
    ) -> None:
        self._runs = runs
        self._journal = journal
        self._blobs = blobs
        self._payloads = payloads
        self._cancels = cancels
        self._rules = rules
        self._dispatcher = dispatcher

    async def adopt(self, run_id: str, report: PauseRun, *, valid_until: datetime | None = None) -> None:
        """Store a paused attached run, idempotently. `valid_until` is the end of the worker's ticket.

        Raises Conflict if it has ended or is being canceled, InvalidRequest.
        """
        spec = report.run
        if spec.run_id != run_id or not 0 < len(report.pauses) <= MAX_PAUSES:
            raise InvalidRequest(f"The report must be for run {run_id} and have 1 to {MAX_PAUSES} pauses")
        workspace_id = spec.snapshot.workspace_id
        adopted = AdoptedRun(
            run=pause_attached(report, await self._runs.now(), self._rules, valid_until=valid_until),
            spec=spec,
            state=await self._payloads.fit(workspace_id, report.state),
            result=RunResult(
                output=await self._payloads.fit(workspace_id, report.outcome.output),
                blocks=await self._payloads.pack(workspace_id, report.blocks) if report.blocks else None,
                usage=report.usage,
                duration_ms=report.outcome.duration_ms,
            ),
        )
        if not await self._runs.adopt(adopted):
            await self._require_adopted(run_id, workspace_id)
        await self._cancels.apply_pending([run_id])
        await self.extend_lifetimes(run_id, report.files)

    async def resume(self, run_id: str, request: ResumeRun) -> ResumeAnswer:
        """Take an answer. Raises NotFound, Conflict, PayloadTooLarge."""

        async def write(loaded: LoadedRun | None) -> ResumeAnswer | None:
            if loaded is None or not _is_theirs(loaded, request):
                raise NotFound("Paused execution not found")
            after = answer(loaded.run, request.context_id, request.answer, self._rules)
            is_written = await self._runs.replace(loaded.run, after)
            return ResumeAnswer(run_id, is_next=loaded.run.phase is Phase.PAUSED) if is_written else None

        taken = await retry_on_conflict(run_id, self._runs.load, write)
        self._dispatcher.wake()
        return taken

    async def extend_lifetimes(self, run_id: str, files: Sequence[str]) -> None:
        """Extend the lifetime of all data that a run needs, including `files`, to its longest wait.

        That includes displayed values, which the answering person needs.
        """
        await self._journal.extend_retention(run_id)
        found = await self._runs.claimable(run_id)
        if found is None:
            return
        run_from = found.spec.run_from
        given = (found.spec.input,) if run_from is None else (found.spec.input, run_from.outputs)
        values = (*given, found.state or Payload(), *found.shown)
        blob_ids = [*_blobs_of(values), *files]
        if blob_ids:
            await self._blobs.extend_lifetimes(found.run.workspace_id, blob_ids, self._rules.pause + MARGIN)

    async def _require_adopted(self, run_id: str, workspace_id: str) -> None:
        loaded = await self._runs.load(run_id)
        if loaded is None or loaded.run.workspace_id != workspace_id or not _is_durable(loaded.run):
            raise Conflict(f"Run {run_id} has ended or is being cancelled")


def _is_durable(run: Run) -> bool:
    return run.phase not in (Phase.RESERVED, Phase.ATTACHED) and not run.phase.is_terminal


def _is_theirs(loaded: LoadedRun, request: ResumeRun) -> bool:
    run = loaded.run
    is_same = (run.workspace_id, run.workflow_id) == (request.workspace_id, request.workflow_id)
    return is_same and not run.is_expired(loaded.now)


def _blobs_of(values: Iterable[Payload]) -> Iterator[str]:
    for value in values:
        if value.blob_id is not None:
            yield value.blob_id
        if value.logged is not None:
            yield from _blobs_of([value.logged])


RunId = Annotated[str, Path(max_length=RUN_KEY_LENGTH)]


def pauses_router(pauses: PauseService, tokens: ServiceTokens, checks: TicketChecks) -> APIRouter:
    """Return routes for pausing and resuming.

    The stored run gets new tickets later, so it must match the worker's ticket.
    """
    router = APIRouter(prefix="/internal/runs/{run_id}")

    @router.post("/pause", status_code=204)
    async def pause(
        run_id: RunId,
        access: Annotated[RunAccess, Depends(checks.access(ServiceName.EXECUTOR))],
        report: Annotated[PauseRun, Depends(struct_body(PauseRun))],
    ) -> None:
        snapshot = report.run.snapshot
        access.require(
            workspace_id=snapshot.workspace_id,
            workflow_id=snapshot.workflow_id,
            snapshot_hash=snapshot.snapshot_hash,
            run_id=run_id,
            user_id=report.run.user_id,
        )
        if access.ticket is not None:  # the spec from a worker is not trusted for this
            report = replace(report, run=replace(report.run, file_scope=access.ticket.file_scope))
        await pauses.adopt(run_id, report, valid_until=access.valid_until)

    @router.post("/resume", dependencies=[Depends(only(tokens, ServiceName.GATEWAY))])
    async def resume(run_id: RunId, request: Annotated[ResumeRun, Depends(struct_body(ResumeRun))]) -> Response:
        return StructResponse(await pauses.resume(run_id, request))

    return router
