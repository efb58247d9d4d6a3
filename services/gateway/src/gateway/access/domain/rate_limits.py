"""Rate limits: token buckets that refill once per window."""

import math
from dataclasses import dataclass
from enum import StrEnum

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
