"""Plans: limits of run time, concurrency and call rates."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from gateway.access.domain.rate_limits import RateKind
from shared.contracts.runs import RunMode


class PlanName(StrEnum):
    """Name of a plan; the console shows `free` as Community."""

    FREE = "free"
    PRO = "pro"
    MAX = "max"
    TEAM = "team"
    ENTERPRISE = "enterprise"
    BENCHMARK = "benchmark"

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        return cls("free") if isinstance(value, str) and value.lower() == "community" else None


@dataclass(frozen=True, slots=True)
class Plan:
    """Limits of a workspace's plan."""

    name: PlanName
    sync_seconds: int
    async_seconds: int
    concurrency: int
    """Queued runs that may be in progress concurrently."""
    rates: Mapping[RateKind, int]
    """Calls of each kind per window."""
    log_days: int = 1
    """Days for which finished runs stay in the logs."""
    spend_cap_usd: float = 0.0
    """Monthly limit of spend on models, in US dollars; 0 for none."""

    def time_limit_ms(self, mode: RunMode, requested_seconds: int | None = None) -> int:
        """Return the time limit of a run; a caller may lower it, never raise it."""
        granted = self.async_seconds if mode is RunMode.ASYNC else self.sync_seconds
        return 1000 * min(granted, requested_seconds or granted)

    @property
    def log_retention_ms(self) -> int:
        """Return the retention that a run carries."""
        return 86_400_000 * self.log_days


Plans = Mapping[PlanName, Plan]
