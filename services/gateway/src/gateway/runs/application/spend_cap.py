"""Operator's cap on a workspace's monthly spend on models."""

from typing import Final

from gateway.access.domain.limit_errors import UsageLimitExceeded
from gateway.lookup_cache import LookupCache
from gateway.runs.ports.jobs import Jobs
from shared.clock import Clock
from shared.errors import Unavailable
from shared.observe.logging import get_logger

log = get_logger("spend_cap")

LEASE_SECONDS: Final = 5.0
STALE_SECONDS: Final = 300.0


class SpendCap:
    """Check of the cap; caches the spend for a few seconds to add no latency to calls."""

    def __init__(self, jobs: Jobs, clock: Clock) -> None:
        self._jobs = jobs
        self._spent: LookupCache[float] = LookupCache(
            self._load, clock, seconds=LEASE_SECONDS, stale_seconds=STALE_SECONDS
        )

    async def check(self, workspace_id: str, cap_usd: float) -> None:
        """Raise UsageLimitExceeded over the cap. A cap of 0 means none; unknown spend refuses no call."""
        if cap_usd <= 0:
            return
        try:
            spent = await self._spent.get(workspace_id)
        except Unavailable as error:
            log.warning("spend_cap_unchecked", workspace_id=workspace_id, error=error.message)
            return
        if spent >= cap_usd:
            raise UsageLimitExceeded(spent, cap_usd)

    async def _load(self, workspace_id: str) -> float:
        return (await self._jobs.spend(workspace_id)).usage.cost_usd
