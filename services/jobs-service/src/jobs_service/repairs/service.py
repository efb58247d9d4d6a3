"""Repairs failed runs: a new run continues the journal at the failed block."""

from typing import Final

import msgspec

from jobs_service.journal.ports import JournalRepository
from jobs_service.queue.admission import AdmissionService
from jobs_service.repairs.inherited_journal import inherit
from jobs_service.repairs.repository import MongoRepairableRuns
from jobs_service.runs.owned_spec import owned_by_caller
from jobs_service.runs.ports import ClaimableRun, RunRepository
from jobs_service.runs.run import Phase
from jobs_service.views.ports import RunViewRepository
from shared.contracts.claims import JournalEntry
from shared.contracts.jobs import AcceptRun, RunAccepted
from shared.contracts.repairs import FindRepairable, RepairablePage, RepairedRun, RepairRun
from shared.contracts.runs import RunSpec, SnapshotRef
from shared.errors import Conflict, NotFound, RunIdTaken
from shared.ids import derived_id

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
