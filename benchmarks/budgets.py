"""What the system may cost: a bound for a figure of a scenario, alone or against the scenario's baseline."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What is bounded."""

    FIGURE = ""
    ADDED = "over the baseline"
    RATIO = "of the baseline"


@dataclass(frozen=True)
class Budget:
    """A bound from above, or from below where `at_least`."""

    bound: float
    at_least: bool = False
    kind: Kind = Kind.FIGURE

    def measured(self, value: float, baseline: float | None) -> float:
        """What is to be compared with the bound."""
        if self.kind is Kind.FIGURE or baseline is None:
            return value
        return value - baseline if self.kind is Kind.ADDED else value / baseline

    def holds(self, value: float, baseline: float | None) -> bool:
        """Whether the system is within it."""
        measured = self.measured(value, baseline)
        return measured >= self.bound if self.at_least else measured <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.bound:,g} {self.kind}".rstrip()


BUDGETS: Final[Mapping[tuple[str, str], Budget]] = {
    ("sync no-op, 1 callers", "p50_ms"): Budget(2, kind=Kind.ADDED),
    ("sync no-op, 32 callers", "per_second"): Budget(0.6, at_least=True, kind=Kind.RATIO),
    ("sync no-op, 128 callers", "per_second"): Budget(0.6, at_least=True, kind=Kind.RATIO),
    ("sync, one function, 1 callers", "p50_ms"): Budget(3, kind=Kind.ADDED),
    ("200 tokens of a model, 1 streams", "first_token_ms"): Budget(5, kind=Kind.ADDED),
    ("200 tokens of a model, 32 streams", "first_token_ms"): Budget(30, kind=Kind.ADDED),
    ("200 tokens, 32 streams", "tokens_per_second"): Budget(30_000, at_least=True),
    ("async, 1 executors", "accepted_per_second"): Budget(500, at_least=True),
    ("1,000 idle streams, and refusals beyond", "refusal_p99_ms"): Budget(20),
    ("1,000 idle streams, and refusals beyond", "gateway_kib_per_stream"): Budget(64),
    ("resident memory, idle", "gateway_mib"): Budget(120),
    ("resident memory, idle", "executor-service_mib"): Budget(120),
}
