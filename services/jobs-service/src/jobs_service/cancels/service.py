"""Cancels runs, including runs that are not known yet."""

from collections.abc import Iterable

from jobs_service import metrics
from jobs_service.cancels.repository import MongoPendingCancels, PendingCancel
from jobs_service.journal.cleanup import JournalCleaner
from jobs_service.leadership.loops import WakeUpEvent
from jobs_service.runs.conflicts import retry_on_conflict
from jobs_service.runs.endings import CancelResult, cancel
from jobs_service.runs.ports import LoadedRun, RunRepository
from jobs_service.runs.run import Phase, Rules, Run
from shared.broker.ports import BrokerUnavailable, ControlBus
from shared.contracts.jobs import CancelAnswer, CancelReason, RecordCancel
from shared.contracts.messages import CancelRun
from shared.errors import Conflict, NotFound
from shared.observe.logging import get_logger

log = get_logger("cancels")


class CancelService:
    """Records cancels, notifies workers, and remembers cancels of unknown runs."""

    def __init__(
        self,
        runs: RunRepository,
        pending: MongoPendingCancels,
        control: ControlBus,
        *,
        journal_cleaner: JournalCleaner,
        rules: Rules,
        dispatcher: WakeUpEvent,
    ) -> None:
        self._runs = runs
        self._pending = pending
        self._control = control
        self._journal_cleaner = journal_cleaner
        self._rules = rules
        self._dispatcher = dispatcher

    async def cancel(self, run_id: str, request: RecordCancel) -> CancelAnswer:
        """Cancel a run. Raises NotFound for another workflow's, Conflict if it has ended, Unavailable."""
        loaded = await self._runs.load(run_id)
        if not _is_known(loaded):
            await self._pending.add(PendingCancel(run_id, request.workspace_id, request.workflow_id))
            loaded = await self._runs.load(run_id)  # it may have arrived in between
        if loaded is None or not _is_known(loaded):
            await self._notify_reserved(loaded, request)
            return CancelAnswer(run_id, CancelReason.RECORDED)
        if (loaded.run.workspace_id, loaded.run.workflow_id) != (request.workspace_id, request.workflow_id):
            raise NotFound("Execution not found")
        done = await retry_on_conflict(run_id, self._runs.load, self._cancel_loaded, first=loaded)
        return CancelAnswer(run_id, done.reason, done.was_paused)

    async def apply_pending(self, run_ids: Iterable[str]) -> None:
        """Apply remembered cancels to newly stored runs."""
        for pending in await self._pending.find(run_ids):
            try:
                await self.cancel(pending.run_id, RecordCancel(pending.workspace_id, pending.workflow_id))
            except (NotFound, Conflict):
                log.info("pending_cancel_not_applicable", run_id=pending.run_id)

    async def _cancel_loaded(self, loaded: LoadedRun | None) -> CancelResult | None:
        if loaded is None:
            raise NotFound("Execution not found")
        done = cancel(loaded.run, loaded.now, self._rules)
        if done.run != loaded.run and not await self._runs.replace(loaded.run, done.run):
            return None
        await self._notify(loaded.run, done)
        return done

    async def _notify(self, run: Run, done: CancelResult) -> None:
        if not done.notify_worker:
            if done.run != run:
                metrics.ENDED.labels(done.run.status.value).inc()
            self._journal_cleaner.end_journal(done.run)
            self._dispatcher.wake()
            return
        try:
            await self._control.broadcast(CancelRun(run.id))
        except BrokerUnavailable:
            if run.phase is Phase.ATTACHED:
                raise  # its worker has no lease through which it would learn of the cancel
            log.warning("cancel_broadcast_failed", run_id=run.id)

    async def _notify_reserved(self, loaded: LoadedRun | None, request: RecordCancel) -> None:
        if loaded is None or loaded.run.phase is not Phase.RESERVED or loaded.run.workspace_id != request.workspace_id:
            return
        if loaded.run.workflow_id in ("", request.workflow_id):  # "": reserved by an older gateway
            await self._control.broadcast(CancelRun(loaded.run.id))


def _is_known(loaded: LoadedRun | None) -> bool:
    return loaded is not None and loaded.run.phase is not Phase.RESERVED and not loaded.run.is_expired(loaded.now)
