"""Budgets: bounds of figures, absolute or relative to another scenario."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from benchmarks.results import Results


class Kind(StrEnum):
    """Quantity that a budget bounds."""

    FIGURE = ""
    ADDED = "more than"
    RATIO = "×"


@dataclass(frozen=True)
class Budget:
    """Upper bound, or lower bound if `at_least`. `against` replaces the scenario's baseline."""

    what: str
    scenario: str
    figure: str
    bound: float
    at_least: bool = False
    kind: Kind = Kind.FIGURE
    against: str | None = None

    def measured(self, results: Results) -> float | None:
        """Return the value to compare with the bound, or None if it was not measured."""
        value = results.figure(self.scenario, self.figure)
        if self.kind is Kind.RATIO:
            return results.ratio(self.scenario, self.figure, self.against)
        if value is None or self.kind is Kind.FIGURE:
            return value.median if value else None
        other = results.figure(self._other(results), self.figure)
        return value.median - other.median if other else None

    def holds(self, measured: float) -> bool:
        """Return whether the measured value is within the budget."""
        return measured >= self.bound if self.at_least else measured <= self.bound

    def rule(self, results: Results) -> str:
        """Return the bound as text."""
        bound = f"{'≥' if self.at_least else '≤'} {self.bound:,g}"
        return bound if self.kind is Kind.FIGURE else f"{bound} {self.kind} {self._other(results)}"

    def _other(self, results: Results) -> str:
        return self.against or results.baseline_of(self.scenario) or ""


def _budgets() -> Iterator[Budget]:
    yield Budget("latency added to a sync run, ms", "sync no-op, 1 callers", "p50_ms", 0.5, kind=Kind.ADDED)
    for callers, bound in ((32, 1), (128, 1.2)):
        no_op = f"sync no-op, {callers} callers"
        yield Budget("sync throughput", no_op, "per_second", bound, at_least=True, kind=Kind.RATIO)
    for steps, bound in (("one function", 0.6), ("four functions at once", 0.3)):
        sync = f"sync, {steps}, 32 callers"
        yield Budget("sync throughput with JavaScript", sync, "per_second", bound, at_least=True, kind=Kind.RATIO)
    for streams, bound in ((1, 2.5), (32, 25)):
        name = f"200 tokens of a model, {streams} streams"
        yield Budget("added to the first token, ms", name, "first_token_ms", bound, kind=Kind.ADDED)
    yield Budget("tokens per second", "200 tokens, 32 streams", "tokens_per_second", 150_000, at_least=True)
    full = "1,000 idle streams, and refusals beyond"
    yield Budget("memory of a stream, KiB", full, "gateway_kib_per_stream", 64)
    for work in ("async, accepted while no worker works", "async, 1 executors"):
        yield Budget("jobs accepted per second", work, "accepted_per_second", 500, at_least=True)
    yield Budget("a refusal at capacity, p99 ms", full, "refusal_p99_ms", 20)
    beside = "sync no-op, beside a neighbor at 10 × its limit"
    yield Budget("p99 beside a noisy neighbor", beside, "p99_ms", 1.2, kind=Kind.RATIO)
    yield Budget("engine overhead per block, µs", "engine, loop of 10,000", "us_per_block", 25)
    yield Budget("journaled against attached", "engine, loop of 10,000", "journal_ratio", 1.1)
    for workflow in ("sync no-op", "sync, ten blocks"):
        name = f"recorded {workflow}, 32 callers"
        yield Budget("throughput with every run recorded", name, "ratio", 0.97, at_least=True)
    for service in ("gateway", "executor-service"):
        yield Budget(f"resident memory of an idle {service}, MiB", "resident memory, idle", f"{service}_mib", 120)


BUDGETS: Final = tuple(_budgets())
