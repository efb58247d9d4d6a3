"""How often a caller may call: a bucket of tokens that is filled up once per window."""

import math
from dataclasses import dataclass
from enum import StrEnum

from shared.contracts.runs import RunMode


class RateKind(StrEnum):
    """What is counted. Each kind has buckets of its own."""

    SYNC = "sync"
    ASYNC = "async"
    API = "api-endpoint"

    @classmethod
    def of(cls, mode: RunMode) -> "RateKind":
        """What a call that starts a run counts as; streams count as sync."""
        return cls.ASYNC if mode is RunMode.ASYNC else cls.SYNC


@dataclass(frozen=True, slots=True)
class Rate:
    """So many calls per window; a bucket that was left alone for long holds twice as many."""

    per_window: int
    window_seconds: float

    @property
    def burst(self) -> int:
        """What a full bucket holds."""
        return 2 * self.per_window

    @property
    def spare(self) -> int:
        """How many tokens a process may hold beyond those that it needs at once: 1 % of a full bucket."""
        return self.burst // 100


@dataclass(frozen=True, slots=True)
class Standing:
    """How a bucket stands: what is left in it, and the seconds until it is filled up again."""

    rate: Rate
    remaining: int
    resets_in: float

    @property
    def reset_seconds(self) -> int:
        """Whole seconds; whoever waits as long finds tokens."""
        return max(1, math.ceil(self.resets_in))
