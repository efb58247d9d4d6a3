"""Plans: limits of run time, concurrency and call rates."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

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
    SELF_HOSTED = "self_hosted"

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        other = _OTHER_NAMES.get(value.lower()) if isinstance(value, str) else None
        return None if other is None else cls(other)


_OTHER_NAMES: Final = {"community": "free", "benchmark": "self_hosted"}


@dataclass(frozen=True, slots=True)
class Plan:
    """Limits of a workspace's plan."""

    name: PlanName
    sync_seconds: int
    async_seconds: int
    concurrency: int
    """Queued runs that may be in progress concurrently."""
    sync_rate: int
    """Sync and streamed calls per window; the next two: queued runs, and the other calls of v1 and v2."""
    async_rate: int
    api_rate: int
    log_days: int = 1
    """Days for which finished runs stay in the logs."""
    spend_cap_usd: float = 0.0
    """Monthly limit of spend on models, in US dollars; 0 for none."""

    def rate(self, kind: RateKind) -> int:
        """Return the calls of this kind per window."""
        return {RateKind.SYNC: self.sync_rate, RateKind.ASYNC: self.async_rate, RateKind.API: self.api_rate}[kind]

    def time_limit_ms(self, mode: RunMode, requested_seconds: int | None = None) -> int:
        """Return the time limit of a run; a caller may lower it, never raise it."""
        granted = self.async_seconds if mode is RunMode.ASYNC else self.sync_seconds
        return 1000 * min(granted, requested_seconds or granted)

    @property
    def log_retention_ms(self) -> int:
        """Return the retention that a run carries."""
        return 86_400_000 * self.log_days


Plans = Mapping[PlanName, Plan]

UNLIMITED: Final = 1_000_000_000
"""Rate without a limit below the capacity of any machine."""


def _plan(name: str, *limits: int) -> Plan:
    return Plan(PlanName(name), *limits)


PLANS: Final[Plans] = {
    plan.name: plan
    for plan in (
        #                   sync_seconds, async_seconds, concurrency, sync_rate, async_rate, api_rate, log_days
        _plan("free", 300, 5400, 5, 50, 200, 30, 7),
        _plan("pro", 3000, 5400, 50, 150, 1000, 100, 30),
        _plan("max", 3000, 5400, 200, 300, 2500, 200, 90),
        _plan("team", 3000, 5400, 200, 300, 2500, 200, 90),
        _plan("enterprise", 3000, 5400, 200, 600, 5000, 500, 90),
        _plan("self_hosted", 3000, 5400, 100_000, UNLIMITED, UNLIMITED, UNLIMITED, 90),
    )
}
"""Plans unless `FLOWPORT_PLANS` changes them."""
