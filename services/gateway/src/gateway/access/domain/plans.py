"""Plans: how long a run may take, how many may go on at once, and how often one may call."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from gateway.access.domain.rate_limits import RateKind
from shared.contracts.runs import RunMode


class PlanName(StrEnum):
    """`free` is shown to people as Community."""

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
    """What a workspace has paid for."""

    name: PlanName
    sync_seconds: int
    async_seconds: int
    concurrency: int
    """Queued runs that may be processing at once."""
    rates: Mapping[RateKind, int]
    """Calls of each kind per window."""
    log_days: int = 1
    """How long after their end runs are found in the logs."""
    spend_cap_usd: float = 0.0
    """What may be spent on models in a month, in US dollars; 0 is no cap."""

    def time_limit_ms(self, mode: RunMode, asked_seconds: int | None = None) -> int:
        """The time limit of a run; a caller may lower it, never raise it."""
        granted = self.async_seconds if mode is RunMode.ASYNC else self.sync_seconds
        return 1000 * min(granted, asked_seconds or granted)

    @property
    def log_retention_ms(self) -> int:
        """As a run carries it along."""
        return 86_400_000 * self.log_days


Plans = Mapping[PlanName, Plan]
