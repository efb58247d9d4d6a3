"""The right to work on a durable run: kept while the run is in hand, and asked for again where it is in doubt."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

from executor_service.application.patience import insist
from executor_service.ports import DurableRuns
from shared.contracts.work import ClaimGranted, LeaseAnswer
from shared.errors import FlowportError, StaleAttempt

RENEWALS_PER_LEASE: Final = 3
"""Two may get lost."""


class Lease:
    """Whether the run is still ours, as far as we know. `task` is what must stop when it is not."""

    def __init__(self, durable: DurableRuns, granted: ClaimGranted) -> None:
        self._durable = durable
        self._run_id = granted.run.run_id
        self._attempt = granted.attempt
        self._seconds = granted.lease_ms / 1000
        self._heard_at = _now()
        self.is_lost = False
        self.task: asyncio.Task[Any] | None = None

    async def assure(self) -> None:
        """Ask whether the run is still ours where nobody has heard of us for a lease: the process stood still.

        Raises StaleAttempt, Unavailable.
        """
        if _now() - self._heard_at > self._seconds:
            await insist(partial(self._durable.renew, self._run_id, self._attempt))
            self._heard_at = _now()

    async def renew_for_ever(self, on_cancel: Callable[[], None]) -> None:
        """Until it is lost. `on_cancel` hears that somebody wants the run to stop."""
        pause = self._seconds / RENEWALS_PER_LEASE
        while True:
            await asyncio.sleep(pause)
            try:
                answer = await self._renewed(pause / 2)
            except StaleAttempt:
                self._lose()
                return
            self._heard_at = _now()
            if answer.cancelled:
                on_cancel()

    async def _renewed(self, seconds: float) -> LeaseAnswer:
        """Ask until there is an answer: who does not give one in `seconds` hangs, and another may give it in time."""
        while True:
            try:
                async with asyncio.timeout(seconds):
                    return await self._durable.renew(self._run_id, self._attempt)
            except StaleAttempt:
                raise
            except (FlowportError, TimeoutError):
                await asyncio.sleep(seconds / 5)

    def _lose(self) -> None:
        self.is_lost = True
        if self.task is not None:
            self.task.cancel()


@asynccontextmanager
async def kept_lease(
    durable: DurableRuns, granted: ClaimGranted, on_cancel: Callable[[], None]
) -> AsyncIterator[Lease]:
    """The lease that a claim was granted with, renewed until this is left."""
    lease = Lease(durable, granted)
    renewal = asyncio.create_task(lease.renew_for_ever(on_cancel), name=f"lease-{granted.run.run_id}")
    try:
        yield lease
    finally:
        renewal.cancel()


def _now() -> float:
    return asyncio.get_running_loop().time()
