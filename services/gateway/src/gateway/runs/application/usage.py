"""Usage of a plan by a caller."""

from dataclasses import dataclass

from gateway.access.application.rate_limits import RateLimits
from gateway.access.domain.credentials import Caller
from gateway.access.domain.plans import PlanName, Plans
from gateway.access.domain.rate_limits import RateKind, Standing
from gateway.runs.ports.jobs import Jobs
from shared.errors import Unavailable
from shared.observe.logging import get_logger

log = get_logger("usage")


@dataclass(frozen=True, slots=True)
class Usage:
    """Calls left, and US dollars spent this month."""

    sync_calls: Standing
    async_calls: Standing
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
            sync_calls=await self._limits.look(caller, RateKind.SYNC),
            async_calls=await self._limits.look(caller, RateKind.ASYNC),
            cost_usd=await self._spent(caller.workspace.id),
            cap_usd=self._plans[caller.workspace.plan].spend_cap_usd,
            plan=caller.workspace.plan,
        )

    async def _spent(self, workspace_id: str) -> float:
        try:
            return (await self._jobs.spend(workspace_id)).usage.cost_usd
        except Unavailable as error:
            log.warning("spend_unavailable", workspace_id=workspace_id, error=error.message)
            return 0.0
