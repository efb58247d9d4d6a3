"""Numbers of runs that can be added: counts, and durations in a histogram."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import exp, log
from typing import Final, NamedTuple

from shared.contracts.statistics import RunTotals

_GROWTH: Final = log(1.1)
"""Logarithm of the ratio of two neighboring bounds: a percentile is within 5% of the exact one."""


@dataclass(slots=True)
class Measures:
    """Runs, tokens, costs, and the number of durations in each logarithmic bucket."""

    runs: int = 0
    tokens: int = 0
    cost_usd: float = 0.0
    durations: dict[int, int] = field(default_factory=dict)

    def add_run(self, *, duration_ms: float, tokens: int, cost_usd: float) -> None:
        """Add one run."""
        self.runs += 1
        self.tokens += tokens
        self.cost_usd += cost_usd
        bucket = int(log(duration_ms) / _GROWTH) if duration_ms > 1 else 0
        self.durations[bucket] = self.durations.get(bucket, 0) + 1

    def add(self, more: "Measures") -> None:
        """Add the runs of `more`."""
        self.runs += more.runs
        self.tokens += more.tokens
        self.cost_usd += more.cost_usd
        for bucket, count in more.durations.items():
            self.durations[bucket] = self.durations.get(bucket, 0) + count

    def percentile(self, share: float) -> float | None:
        """Return the duration in milliseconds that `share` of the runs do not exceed; None without runs."""
        rank, seen = share * sum(self.durations.values()), 0
        for bucket in sorted(self.durations):
            seen += self.durations[bucket]
            if seen >= rank:
                return round(exp((bucket + 0.5) * _GROWTH), 1)
        return None


class Group(NamedTuple):
    """Properties by which statistics can be filtered. `version` is None for drafts."""

    trigger: str
    version: int | None
    status: str


Groups = Mapping[Group, Measures]


def totals_of(all_: Measures, failed: int) -> RunTotals:
    """Return the totals of some runs."""
    return RunTotals(
        runs=all_.runs,
        errors=failed,
        p50_ms=all_.percentile(0.5),
        p95_ms=all_.percentile(0.95),
        tokens=all_.tokens,
        cost_usd=round(all_.cost_usd, 9),
    )
