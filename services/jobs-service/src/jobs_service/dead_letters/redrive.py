"""Redrive of failed runs: a new run of the same version and input."""

import msgspec

from jobs_service.queue.admission import Accepting
from jobs_service.runs.ports import Runs
from jobs_service.runs.run import Phase
from shared.contracts.dead_letters import RedriveRun
from shared.contracts.jobs import AcceptRun, RunAccepted
from shared.errors import Conflict, NotFound
from shared.ids import new_id


class Redriving:
    """Redrives runs from the start: a block's effects may happen again.

    The new run belongs to the caller of the redrive: the failed run's caller may have left the workspace, and their
    personal environment values are private.
    """

    def __init__(self, runs: Runs, accepting: Accepting) -> None:
        self._runs = runs
        self._accepting = accepting

    async def redrive(self, run_id: str, asked: RedriveRun, *, next_run_id: str | None = None) -> RunAccepted:
        """Accept the run again, under `next_run_id` if given.

        Raises NotFound (attached runs are not stored), Conflict, RunIdTaken, AtCapacity, Unavailable.
        """
        seen = await self._runs.claimable(run_id)
        if seen is None or seen.run.workspace_id != asked.workspace_id or seen.run.is_expired(seen.now):
            raise NotFound("Run not found")
        if seen.run.phase not in (Phase.FAILED, Phase.CANCELLED):
            raise Conflict(f"Only a failed or cancelled run can be run again; this one is {seen.run.status}")
        if not seen.spec.stores_data:
            raise Conflict("The input of this run is not kept")
        again = msgspec.structs.replace(
            seen.spec,
            run_id=next_run_id or new_id(),
            actor_id=asked.actor_id,
            caller_name=asked.caller_name,
            user_id=asked.user_id,
        )
        return await self._accepting.accept(AcceptRun(again, asked.concurrency_limit))
