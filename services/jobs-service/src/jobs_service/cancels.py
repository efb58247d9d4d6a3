"""Cancels of one or many runs, also of unknown ones."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import msgspec

from jobs_service import metrics
from jobs_service.journal import JournalCleaner
from jobs_service.leadership import WakeUpEvent
from jobs_service.runs.documents import LoadedRun, RunRepository
from jobs_service.runs.repository import retry_on_conflict
from jobs_service.runs.rules import CancelResult, cancel
from jobs_service.runs.run import Phase, Rules, Run
from jobs_service.store import from_ms, now_ms
from jobs_service.views.repository import PageQuery, RunViewRepository
from shared.broker.ports import BrokerUnavailable, ControlBus
from shared.contracts.jobs import CancelAnswer, CancelledRuns, CancelReason, CancelRuns, RecordCancel, RunView
from shared.contracts.messages import CancelRun
from shared.contracts.runs import RunStatus
from shared.errors import Conflict, NotFound
from shared.observe.logging import get_logger
from shared.store.client import Store, store_call
from shared.store.indexes import Index, ascending

CANCELS: Final = "cancels"
INDEXES: Final = (
    Index(CANCELS, ascending("run_id")),
    Index(CANCELS, ascending("expires_at"), expire_after_seconds=0),
)


@dataclass(frozen=True, slots=True)
class PendingCancel:
    """A cancel of a run that was unknown then."""

    run_id: str
    workspace_id: str
    workflow_id: str


class MongoPendingCancels:
    """Cancels of unknown runs, stored for a while."""

    def __init__(self, store: Store, lifetime: timedelta) -> None:
        self._store = store
        self._cancels = store.collection(CANCELS)
        self._lifetime = lifetime

    @store_call
    async def add(self, cancel: PendingCancel) -> None:
        """Store a cancel."""
        expires_at = from_ms(await now_ms(self._store)) + self._lifetime
        fields = {"run_id": cancel.run_id, "workspace_id": cancel.workspace_id, "workflow_id": cancel.workflow_id}
        key = f"{cancel.workspace_id}/{cancel.workflow_id}/{cancel.run_id}"
        await self._cancels.update_one({"_id": key}, {"$set": {**fields, "expires_at": expires_at}}, upsert=True)

    @store_call
    async def find(self, run_ids: Iterable[str]) -> Sequence[PendingCancel]:
        """Return the cancels of these runs."""
        found = await self._cancels.find({"run_id": {"$in": list(run_ids)}}).to_list()
        return [PendingCancel(each["run_id"], each["workspace_id"], each["workflow_id"]) for each in found]


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


AT_ONCE: Final = 500
OPEN: Final = (RunStatus.QUEUED, RunStatus.PAUSED, RunStatus.PROCESSING)
"""Waiting runs first, so that none of them starts in place of a stopped run."""


class BulkCancel:
    """Bulk cancel in bounded steps, which callers repeat while more runs are left."""

    def __init__(self, views: RunViewRepository, cancels: CancelService) -> None:
        self._views = views
        self._cancels = cancels

    async def cancel(self, request: CancelRuns) -> CancelledRuns:
        """Cancel runs that have not ended. Raises Unavailable."""
        found: list[RunView] = []
        for status in (request.only.status,) if request.only.status else OPEN:
            found += await self._open(request, status, AT_ONCE + 1 - len(found))
        cancelled = [run.run_id for run in found[:AT_ONCE] if await self._cancel(request, run)]
        return CancelledRuns(tuple(cancelled), has_more=len(found) > AT_ONCE)

    async def _open(self, request: CancelRuns, status: RunStatus, limit: int) -> list[RunView]:
        """Return the runs of this status; those already being canceled do not count against the limit."""
        found: list[RunView] = []
        cursor: str | None = None
        while status in OPEN and len(found) < limit:
            only = msgspec.structs.replace(request.only, status=status)
            query = PageQuery(request.workspace_id, request.workflow_id, only, limit, cursor, exclude_canceling=True)
            page = await self._views.page(query)
            found += page.runs
            cursor = page.next_cursor
            if cursor is None:
                break
        return found[:limit]

    async def _cancel(self, request: CancelRuns, run: RunView) -> bool:
        try:
            await self._cancels.cancel(run.run_id, RecordCancel(request.workspace_id, request.workflow_id))
        except (NotFound, Conflict):
            return False  # it has ended
        return True
