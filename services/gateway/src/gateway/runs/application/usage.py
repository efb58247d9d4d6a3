"""Usage of a plan by a caller, and the operator's cap on a workspace's monthly spend on models."""

from dataclasses import dataclass
from typing import Final

from gateway.access.application.rate_limits import RateLimits
from gateway.access.domain.credentials import Caller
from gateway.access.domain.limit_errors import UsageLimitExceeded
from gateway.access.domain.plans import BucketState, PlanName, Plans, RateKind
from gateway.lookup_cache import LookupCache
from gateway.runs.ports import Jobs
from shared.clock import Clock
from shared.errors import Unavailable
from shared.observe.logging import get_logger

log = get_logger("usage")


@dataclass(frozen=True, slots=True)
class Usage:
    """Calls left, and US dollars spent this month."""

    sync_calls: BucketState
    async_calls: BucketState
    cost_usd: float
    cap_usd: float
    """Spend cap in US dollars; 0 for none."""
    plan: PlanName

    @property
    def is_exceeded(self) -> bool:
        """Return whether the cap is reached."""
        return 0 < self.cap_usd <= self.cost_usd


class UsageReports:
    """Reader of callers' usage, which counts no call."""

    def __init__(self, limits: RateLimits, jobs: Jobs, plans: Plans) -> None:
        self._limits = limits
        self._jobs = jobs
        self._plans = plans

    async def of(self, caller: Caller) -> Usage:
        """Return the caller's usage; unavailable parts count as unused."""
        return Usage(
            sync_calls=await self._limits.peek(caller, RateKind.SYNC),
            async_calls=await self._limits.peek(caller, RateKind.ASYNC),
            cost_usd=await self._cost(caller.workspace.id),
            cap_usd=self._plans[caller.workspace.plan].spend_cap_usd,
            plan=caller.workspace.plan,
        )

    async def _cost(self, workspace_id: str) -> float:
        try:
            return (await self._jobs.spend(workspace_id)).usage.cost_usd
        except Unavailable as error:
            log.warning("spend_unavailable", workspace_id=workspace_id, error=error.message)
            return 0.0


LEASE_SECONDS: Final = 5.0
STALE_SECONDS: Final = 300.0


class SpendCap:
    """Check of the cap; caches the spend for a few seconds to add no latency to calls."""

    def __init__(self, jobs: Jobs, clock: Clock) -> None:
        self._jobs = jobs
        self._cost: LookupCache[float] = LookupCache(
            self._load, clock, seconds=LEASE_SECONDS, stale_seconds=STALE_SECONDS
        )

    async def check(self, workspace_id: str, cap_usd: float) -> None:
        """Raise UsageLimitExceeded over the cap. A cap of 0 means none; unknown spend refuses no call."""
        if cap_usd <= 0:
            return
        try:
            spent = await self._cost.get(workspace_id)
        except Unavailable as error:
            log.warning("spend_cap_unchecked", workspace_id=workspace_id, error=error.message)
            return
        if spent >= cap_usd:
            raise UsageLimitExceeded(spent, cap_usd)

    async def _load(self, workspace_id: str) -> float:
        return (await self._jobs.spend(workspace_id)).usage.cost_usd
