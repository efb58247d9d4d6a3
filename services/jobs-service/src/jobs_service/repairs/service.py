"""Repairs failed runs: a new run continues the journal at the failed block."""

from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Depends, Path
from starlette.responses import Response

from jobs_service.journal import JournalRepository
from jobs_service.queue.admission import AdmissionService
from jobs_service.repairs.inherited_journal import inherit
from jobs_service.runs.documents import KEEPS_JOURNAL, STATE_ONLY, ClaimableRun, RunRepository
from jobs_service.runs.rules import owned_by_caller
from jobs_service.runs.run import Phase
from jobs_service.views.lists import RunList
from jobs_service.views.repository import RunViewRepository
from shared.contracts.claims import JournalEntry
from shared.contracts.jobs import AcceptRun, RunAccepted
from shared.contracts.repairs import FindRepairable, RepairablePage, RepairableRun, RepairedRun, RepairRun
from shared.contracts.runs import RunSpec, RunStatus, SnapshotRef, Trigger
from shared.errors import Conflict, NotFound, RunIdTaken
from shared.ids import RUN_KEY_LENGTH, derived_id
from shared.service import ServiceName
from shared.store.client import Document, Store, store_call
from shared.store.pagination import Cursor, Page, position_of
from shared.web.internal_auth import ServiceTokens, only
from shared.web.struct_bodies import StructResponse, struct_body


class MongoRepairableRuns:
    """List of runs that can be repaired, also after their results expired for callers."""

    def __init__(self, store: Store) -> None:
        self._list = RunList(store)

    @store_call
    async def page(self, request: FindRepairable) -> RepairablePage:
        """Return one page. Raises InvalidRequest for an invalid cursor, Unavailable."""
        only = request.only
        wanted = Page(
            limit=request.limit,
            lowest=None if only.since is None else position_of(only.since, 0),
            highest=None if only.until is None else position_of(only.until, 0) - 1,
            after=None if request.cursor is None else Cursor.parse(request.cursor),
        )
        found, after = await self._list.read(
            request.workspace_id,
            wanted,
            workflow_ids=[request.workflow_id],
            status=None if request.run_id else RunStatus.FAILED,
            run_id=request.run_id,
            others=() if request.run_id else [{KEEPS_JOURNAL: True}],
            hidden=STATE_ONLY,
        )
        return RepairablePage(tuple(map(_to_run, found)), after.text if after else None)


def _to_run(document: Document) -> RepairableRun:
    return RepairableRun(document["_id"], Trigger(document["trigger"]), document.get("version"))


MISSING: Final = "Run not found"


class RepairService:
    """Repairs runs, once per run and version. The failed run does not change."""

    def __init__(
        self,
        *,
        runs: RunRepository,
        views: RunViewRepository,
        repairable: MongoRepairableRuns,
        journal: JournalRepository,
        admission: AdmissionService,
    ) -> None:
        self._runs = runs
        self._views = views
        self._repairable = repairable
        self._journal = journal
        self._admission = admission

    async def find(self, request: FindRepairable) -> RepairablePage:
        """Return one run of the workflow, or a page of its failed runs with a journal. Raises InvalidRequest."""
        return await self._repairable.page(request)

    async def repair(self, run_id: str, request: RepairRun) -> RepairedRun:
        """Accept a run that continues this one.

        Raises NotFound, Conflict, RepairRefused (which names the block), AtCapacity, Unavailable.
        """
        failed = await self._runs.claimable(run_id)
        if failed is None or not _is_theirs(failed, request):
            raise NotFound(MISSING)
        _require_repairable(failed)
        next_id = repair_id(run_id, request.snapshot)
        repeated = await self._accepted_before(next_id, run_id)
        if repeated is not None:
            return RepairedRun(repeated, is_repeated=True)
        inherited = inherit(await self._entries(failed), request.resume_map, repeat_uncertain=request.repeat_uncertain)
        await self._journal.inherit(next_id, inherited, failed.run.expires_at or failed.now)
        spec = _spec(failed.spec, next_id, run_id, request, len(inherited))
        try:
            return RepairedRun(await self._admission.accept(AcceptRun(spec, request.concurrency_limit)))
        except RunIdTaken:
            repeated = await self._accepted_before(next_id, run_id)
            if repeated is None:
                raise Conflict("The run has already been repaired on this version") from None
            return RepairedRun(repeated, is_repeated=True)

    async def _entries(self, failed: ClaimableRun) -> list[JournalEntry]:
        page = await self._journal.read(failed.run.id)
        entries = list(page.entries)
        while page.more_behind is not None:
            page = await self._journal.read(failed.run.id, page.more_behind)
            entries += page.entries
        if len(entries) < failed.spec.inherited_entries:
            raise Conflict(f"Run {failed.run.id} cannot be repaired: its journal has expired")
        return entries

    async def _accepted_before(self, next_id: str, run_id: str) -> RunAccepted | None:
        found = await self._views.by_run_id(next_id, output=False, blocks=False)
        if found is None or found.view.repair_of != run_id or found.view.job_id is None:
            return None
        return RunAccepted(next_id, found.view.job_id, found.view.created_at)


def repair_id(run_id: str, snapshot: SnapshotRef) -> str:
    """Return the id of a run's repair on a version: the same for repeated requests."""
    return derived_id(f"repair/{run_id}/{snapshot.version_id or snapshot.snapshot_hash}")


def _is_theirs(failed: ClaimableRun, request: RepairRun) -> bool:
    run = failed.run
    is_stored = run.expires_at is None or run.expires_at > failed.now
    return is_stored and (run.workspace_id, run.workflow_id) == (request.workspace_id, request.workflow_id)


def _require_repairable(failed: ClaimableRun) -> None:
    run, spec = failed.run, failed.spec
    if run.phase is not Phase.FAILED:
        raise Conflict(f"The run is {run.status}. Only a failed run can be repaired.")
    if not run.keeps_journal:
        raise Conflict("The run cannot be repaired: the results of its blocks are not stored")
    if spec.start_block_id is not None or spec.run_from is not None:
        raise Conflict("The run cannot be repaired: it did not begin at the start block of a version")


def _spec(spec: RunSpec, next_id: str, run_id: str, request: RepairRun, inherited: int) -> RunSpec:
    return msgspec.structs.replace(
        owned_by_caller(spec, request),
        run_id=next_id,
        repair_of=run_id,
        inherited_entries=inherited,
        snapshot=request.snapshot,
    )


RunId = Annotated[str, Path(max_length=RUN_KEY_LENGTH)]


def repairs_router(repairs: RepairService, tokens: ServiceTokens) -> APIRouter:
    """Return the gateway's routes."""
    router = APIRouter(prefix="/internal", dependencies=[Depends(only(tokens, ServiceName.GATEWAY))])

    @router.post("/repairable-runs")
    async def find(request: Annotated[FindRepairable, Depends(struct_body(FindRepairable))]) -> Response:
        return StructResponse(await repairs.find(request))

    @router.post("/runs/{run_id}/repair", status_code=201)
    async def repair(run_id: RunId, request: Annotated[RepairRun, Depends(struct_body(RepairRun))]) -> Response:
        return StructResponse(await repairs.repair(run_id, request), status_code=201)

    return router
