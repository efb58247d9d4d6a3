"""Cancels runs, including runs that are not known yet."""

from collections.abc import Iterable

from jobs_service import metrics
from jobs_service.cancels.ports import CancelMemory, RememberedCancel
from jobs_service.journal.cleanup import Tidying
from jobs_service.leadership.loops import Bell
from jobs_service.runs.conflicts import written_over
from jobs_service.runs.endings import Cancelled, cancel
from jobs_service.runs.ports import Runs, Seen
from jobs_service.runs.run import Phase, Rules, Run
from shared.broker.ports import BrokerUnavailable, ControlBus
from shared.contracts.cancels import CancelAnswer, CancelReason, RecordCancel
from shared.contracts.messages import CancelRun
from shared.errors import Conflict, NotFound
from shared.observe.logging import get_logger

log = get_logger("cancelling")


class Cancelling:
    """Records cancels, notifies workers, and remembers cancels of unknown runs."""

    def __init__(
        self,
        runs: Runs,
        memory: CancelMemory,
        control: ControlBus,
        *,
        tidying: Tidying,
        rules: Rules,
        dispatcher: Bell,
    ) -> None:
        self._runs = runs
        self._memory = memory
        self._control = control
        self._tidying = tidying
        self._rules = rules
        self._dispatcher = dispatcher

    async def cancel(self, run_id: str, asked: RecordCancel) -> CancelAnswer:
        """Cancel a run. Raises NotFound for another workflow's, Conflict if it has ended, Unavailable."""
        seen = await self._runs.load(run_id)
        if not _is_known(seen):
            await self._memory.remember(RememberedCancel(run_id, asked.workspace_id, asked.workflow_id))
            seen = await self._runs.load(run_id)  # it may have arrived in between
        if seen is None or not _is_known(seen):
            await self._tell_reserved(seen, asked)
            return CancelAnswer(run_id, CancelReason.RECORDED)
        if (seen.run.workspace_id, seen.run.workflow_id) != (asked.workspace_id, asked.workflow_id):
            raise NotFound("Execution not found")
        done = await written_over(run_id, self._runs.load, self._recorded, first=seen)
        return CancelAnswer(run_id, done.reason, done.was_paused)

    async def recall(self, run_ids: Iterable[str]) -> None:
        """Apply remembered cancels to newly stored runs."""
        for remembered in await self._memory.recall(run_ids):
            try:
                await self.cancel(remembered.run_id, RecordCancel(remembered.workspace_id, remembered.workflow_id))
            except (NotFound, Conflict):
                log.info("a remembered cancel does not apply", run_id=remembered.run_id)

    async def _recorded(self, seen: Seen | None) -> Cancelled | None:
        if seen is None:
            raise NotFound("Execution not found")
        done = cancel(seen.run, seen.now, self._rules)
        if done.run != seen.run and not await self._runs.replace(seen.run, done.run):
            return None
        await self._tell(seen.run, done)
        return done

    async def _tell(self, run: Run, done: Cancelled) -> None:
        if not done.tell_worker:
            if done.run != run:
                metrics.ENDED.labels(done.run.status.value).inc()
            self._tidying.discard_journal(run.id)
            self._dispatcher.ring()
            return
        try:
            await self._control.broadcast(CancelRun(run.id))
        except BrokerUnavailable:
            if run.phase is Phase.ATTACHED:
                raise  # its worker has no other way to know; a durable run's worker learns it with its lease
            log.warning("a cancel was recorded but not broadcast", run_id=run.id)

    async def _tell_reserved(self, seen: Seen | None, asked: RecordCancel) -> None:
        if seen is None or seen.run.phase is not Phase.RESERVED or seen.run.workspace_id != asked.workspace_id:
            return
        if seen.run.workflow_id in ("", asked.workflow_id):  # "": reserved by a gateway that did not say for which
            await self._control.broadcast(CancelRun(seen.run.id))


def _is_known(seen: Seen | None) -> bool:
    return seen is not None and seen.run.phase is not Phase.RESERVED and not seen.run.is_expired(seen.now)
