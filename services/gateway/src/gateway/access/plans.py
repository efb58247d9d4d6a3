"""Plans: limits of run time, concurrency and call rates."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from shared.contracts.runs import RunMode


class RateKind(StrEnum):
    """Kind of counted calls. Each kind has its own buckets."""

    SYNC = "sync"
    ASYNC = "async"
    API = "api-endpoint"

    @classmethod
    def of(cls, mode: RunMode) -> "RateKind":
        """Return the kind of a call that starts a run; streams count as sync."""
        return cls.ASYNC if mode is RunMode.ASYNC else cls.SYNC


@dataclass(frozen=True, slots=True)
class Rate:
    """Calls per window; an idle bucket holds twice as many."""

    per_window: int
    window_seconds: float

    @property
    def burst(self) -> int:
        """Return the capacity of a bucket."""
        return 2 * self.per_window

    @property
    def spare(self) -> int:
        """Return the tokens a process may hold beyond immediate need: 1 % of a full bucket."""
        return self.burst // 100


@dataclass(frozen=True, slots=True)
class BucketState:
    """State of a bucket: tokens left, and seconds until its refill."""

    rate: Rate
    remaining: int
    resets_in: float

    @property
    def reset_seconds(self) -> int:
        """Return whole seconds, after which tokens are available."""
        return max(1, math.ceil(self.resets_in))


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
