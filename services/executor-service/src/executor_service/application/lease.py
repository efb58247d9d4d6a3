"""Lease of a durable run: renewed while the run is active, and checked before writes after a long gap."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

from executor_service.application.retries import retry_unavailable
from executor_service.ports import DurableRuns
from shared.contracts.claims import ClaimGranted, LeaseAnswer
from shared.errors import FlowportError, StaleAttempt

RENEWALS_PER_LEASE: Final = 3
"""Two renewals may fail."""


class Lease:
    """Last known lease of a run. `task` is canceled when the lease is lost."""

    def __init__(self, durable: DurableRuns, granted: ClaimGranted) -> None:
        self._durable = durable
        self._run_id = granted.run.run_id
        self._attempt = granted.attempt
        self._seconds = granted.lease_ms / 1000
        self._confirmed_at = _now()
        self.is_lost = False
        self.task: asyncio.Task[Any] | None = None

    async def ensure_held(self) -> None:
        """Check the lease if no renewal has succeeded for its duration: the process was frozen.

        Raises StaleAttempt, Unavailable.
        """
        if _now() - self._confirmed_at > self._seconds:
            await retry_unavailable(partial(self._durable.renew, self._run_id, self._attempt))
            self._confirmed_at = _now()

    async def renew_until_lost(self, on_cancel: Callable[[], None]) -> None:
        """Renew until the lease is lost. `on_cancel` is called when the run is to be canceled."""
        pause = self._seconds / RENEWALS_PER_LEASE
        while True:
            await asyncio.sleep(pause)
            try:
                answer = await self._renew_until_answered(pause / 2)
            except StaleAttempt:
                self._mark_lost()
                return
            self._confirmed_at = _now()
            if answer.cancelled:
                on_cancel()

    async def _renew_until_answered(self, seconds: float) -> LeaseAnswer:
        """Retry until jobs-service responds. A request that takes longer than `seconds` is abandoned."""
        while True:
            try:
                async with asyncio.timeout(seconds):
                    return await self._durable.renew(self._run_id, self._attempt)
            except StaleAttempt:
                raise
            except (FlowportError, TimeoutError):
                await asyncio.sleep(seconds / 5)

    def _mark_lost(self) -> None:
        self.is_lost = True
        if self.task is not None:
            self.task.cancel()


@asynccontextmanager
async def hold_lease(
    durable: DurableRuns, granted: ClaimGranted, on_cancel: Callable[[], None]
) -> AsyncIterator[Lease]:
    """Renew the lease of a granted claim while the context is active."""
    lease = Lease(durable, granted)
    renewal = asyncio.create_task(lease.renew_until_lost(on_cancel), name=f"lease-{granted.run.run_id}")
    try:
        yield lease
    finally:
        renewal.cancel()


def _now() -> float:
    return asyncio.get_running_loop().time()
