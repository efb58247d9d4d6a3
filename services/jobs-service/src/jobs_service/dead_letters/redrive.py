"""Redrive of failed runs: a new run of the same version and input."""

import msgspec

from jobs_service.queue.admission import AdmissionService
from jobs_service.runs.ports import RunRepository
from jobs_service.runs.run import Phase
from shared.contracts.dead_letters import RedriveRun
from shared.contracts.jobs import AcceptRun, RunAccepted
from shared.errors import Conflict, NotFound
from shared.ids import new_run_id


class RedriveService:
    """Redrives runs from the start: a block's effects may happen again.

    The new run belongs to the caller of the redrive: the failed run's caller may have left the workspace, and their
    personal environment values are private.
    """

    def __init__(self, runs: RunRepository, admission: AdmissionService) -> None:
        self._runs = runs
        self._admission = admission

    async def redrive(self, run_id: str, request: RedriveRun, *, next_run_id: str | None = None) -> RunAccepted:
        """Accept the run again, under `next_run_id` if given.

        Raises NotFound (attached runs are not stored), Conflict, RunIdTaken, AtCapacity, Unavailable.
        """
        loaded = await self._runs.claimable(run_id)
        if loaded is None or loaded.run.workspace_id != request.workspace_id or loaded.run.is_expired(loaded.now):
            raise NotFound("Run not found")
        if loaded.run.phase not in (Phase.FAILED, Phase.CANCELLED):
            raise Conflict(f"Run {run_id} is {loaded.run.status}. Only a failed or cancelled run can be redriven.")
        if not loaded.spec.stores_data:
            raise Conflict(f"Run {run_id} cannot be redriven: its input is not stored")
        again = msgspec.structs.replace(
            loaded.spec,
            run_id=next_run_id or new_run_id(),
            actor_id=request.actor_id,
            caller_name=request.caller_name,
            user_id=request.user_id,
            repair_of=None,
            inherited_entries=0,
        )
        return await self._admission.accept(AcceptRun(again, request.concurrency_limit))
