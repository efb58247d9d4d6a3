"""Journal of an attempt at a durable run: written to jobs-service in groups, in order."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Final

import msgspec

from executor_service.application.retries import retry_unavailable
from executor_service.ports import DurableRuns
from shared.batching import batches
from shared.contracts.claims import AppendJournal, JournalEntry
from shared.errors import FlowportError
from shared.tracebacks import without_traceback

GROUP_SECONDS: Final = 0.05
GROUP_BYTES: Final = 1024 * 1024
CALL_BYTES: Final = 16 * 1024 * 1024
"""A larger group is stored in several calls. Blocks that end during a call may add many entries."""


async def _assume_held() -> None:
    """Do nothing."""


class BatchedJournal:
    """Commits about every 50 ms, or on request. After a failure every call raises the error.

    `ensure_held` is awaited before each write. It raises StaleAttempt if the attempt no longer holds the run. The write
    would be refused, but the next attempt could still read it, and would count a block that may not have started.
    """

    def __init__(
        self,
        durable: DurableRuns,
        run_id: str,
        attempt: int,
        *,
        next_index: int,
        ensure_held: Callable[[], Awaitable[None]] = _assume_held,
    ) -> None:
        self._durable = durable
        self._run_id = run_id
        self._attempt = attempt
        self._next_index = next_index
        self._ensure_held = ensure_held
        self._pending: list[JournalEntry] = []
        self._pending_bytes = 0
        self._flushed = False
        self._failure: FlowportError | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._commit: asyncio.Task[None] | None = None
        self._order = asyncio.Lock()

    async def record(self, kind: str, data: msgspec.Raw) -> None:
        """Add an entry. Raises StaleAttempt, Unavailable."""
        self._raise_failure()
        self._pending.append(JournalEntry(self._next_index, kind, data))
        self._pending_bytes += len(bytes(data))
        self._next_index += 1
        if self._pending_bytes >= GROUP_BYTES:
            await self._commit_pending()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GROUP_SECONDS, self._start_commit)

    async def flush(self) -> None:
        """Store everything recorded so far. Raises StaleAttempt, Unavailable."""
        self._flushed = True
        await self._commit_pending()

    async def _commit_pending(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        async with self._order:
            self._raise_failure()
            while self._pending:
                await self._store_pending()

    async def settle(self) -> None:
        """Settle the journal before the ended run's result is stored. Raises StaleAttempt, Unavailable.

        If storing fails, the run repeats from the journal, which must then contain its external effects; a run without
        any may repeat completely, so its entries need not be stored.
        """
        if self._flushed:
            await self.flush()
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._commit is not None:
            await self._commit
        self._raise_failure()

    def _start_commit(self) -> None:
        self._timer = None
        self._commit = asyncio.get_running_loop().create_task(self._commit_quietly())

    async def _commit_quietly(self) -> None:
        with suppress(FlowportError):  # the next caller gets it
            await self._commit_pending()

    async def _store_pending(self) -> None:
        """Store pending entries.

        Unconfirmed ones stay pending: the waiting caller may be canceled, and another flush follows.
        """
        entries = next(batches(self._pending, weigh=_weight, max_weight=CALL_BYTES))
        group = AppendJournal(self._attempt, entries)
        try:
            await self._ensure_held()
            await retry_unavailable(partial(self._durable.append_journal, self._run_id, group))
        except FlowportError as error:
            self._failure = without_traceback(error)  # its traceback would refer to this object
            raise
        del self._pending[: len(entries)]
        self._pending_bytes -= sum(map(_weight, entries))

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise without_traceback(self._failure)


def _weight(entry: JournalEntry) -> int:
    return len(bytes(entry.data))
