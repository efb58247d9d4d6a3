"""Budgets: bounds of figures, absolute or relative to another scenario."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from benchmarks.pages.markdown import number
from benchmarks.results import Results


class Kind(StrEnum):
    """Quantity that a budget bounds."""

    FIGURE = ""
    ADDED = "more than"
    RATIO = "×"


@dataclass(frozen=True)
class Budget:
    """Upper bound, or lower bound if `at_least`."""

    what: str
    scenario: str
    figure: str
    bound: float
    at_least: bool = False
    kind: Kind = Kind.FIGURE

    def measured(self, results: Results) -> float | None:
        """Return the value to compare with the bound, or None if it was not measured."""
        if self.kind is Kind.RATIO:
            return results.ratio(self.scenario, self.figure)
        value = results.figure(self.scenario, self.figure)
        other = results.figure(results.baseline_of(self.scenario) or "", self.figure)
        if value is None or (other is None and self.kind is Kind.ADDED):
            return None
        return value.median - other.median if other and self.kind is Kind.ADDED else value.median

    def verdict(self, results: Results) -> tuple[str, str]:
        """Return the measured value and whether it is within the budget, as text."""
        measured = self.measured(results)
        if measured is None:
            return "", "not measured"
        is_met = measured >= self.bound if self.at_least else measured <= self.bound
        return number(measured), "met" if is_met else "**missed**"

    def rule(self, results: Results) -> str:
        """Return the bound as text."""
        bound = f"{'≥' if self.at_least else '≤'} {self.bound:,g}"
        baseline = results.baseline_of(self.scenario) or "the baseline"
        return bound if self.kind is Kind.FIGURE else f"{bound} {self.kind} {baseline}"


JAVASCRIPT: Final = "sync throughput with JavaScript"
RECORDED: Final = "throughput with every run recorded"
FIRST_TOKEN: Final = "added to the first token, ms"
FULL: Final = "1,000 idle streams, and refusals beyond"
BESIDE: Final = "sync no-op, beside a neighbor at 10 × its limit"
REPLAYS: Final = "sync no-op, 8 callers that pause, beside replays"
REPLAYS_AT_HALF_LOAD: Final = "sync no-op, 8 callers that pause longer, beside replays"
LOOP: Final = "engine, loop of 10,000"
IDLE: Final = "resident memory, idle"

BUDGETS: Final = (
    Budget("latency added to a sync run, ms", "sync no-op, 1 callers", "p50_ms", 0.5, kind=Kind.ADDED),
    Budget("sync throughput", "sync no-op, 32 callers", "per_second", 1, at_least=True, kind=Kind.RATIO),
    Budget("sync throughput", "sync no-op, 128 callers", "per_second", 1.2, at_least=True, kind=Kind.RATIO),
    Budget(JAVASCRIPT, "sync, one function, 32 callers", "per_second", 0.6, at_least=True, kind=Kind.RATIO),
    Budget(JAVASCRIPT, "sync, four functions at once, 32 callers", "per_second", 0.3, at_least=True, kind=Kind.RATIO),
    Budget(FIRST_TOKEN, "200 tokens of a model, 1 streams", "first_token_ms", 2.5, kind=Kind.ADDED),
    Budget(FIRST_TOKEN, "200 tokens of a model, 32 streams", "first_token_ms", 25, kind=Kind.ADDED),
    Budget("tokens per second", "200 tokens, 32 streams", "tokens_per_second", 150_000, at_least=True),
    Budget("memory of a stream, KiB", FULL, "gateway_kib_per_stream", 64),
    Budget(
        "jobs accepted per second", "async, accepted while no worker works", "accepted_per_second", 500, at_least=True
    ),
    Budget("jobs accepted per second", "async, 1 executors", "accepted_per_second", 500, at_least=True),
    Budget("a refusal at capacity, p99 ms", FULL, "refusal_p99_ms", 20),
    Budget("p99 beside replays", REPLAYS, "p99_ms", 1.1, kind=Kind.RATIO),
    Budget("p99 beside replays", REPLAYS_AT_HALF_LOAD, "p99_ms", 1.1, kind=Kind.RATIO),
    Budget("p99 beside a noisy neighbor", BESIDE, "p99_ms", 1.2, kind=Kind.RATIO),
    Budget("engine overhead per block, µs", LOOP, "us_per_block", 25),
    Budget("journaled against attached", LOOP, "journal_ratio", 1.1),
    Budget(RECORDED, "recorded sync no-op, 32 callers", "ratio", 0.97, at_least=True),
    Budget(RECORDED, "recorded sync, ten blocks, 32 callers", "ratio", 0.97, at_least=True),
    Budget("resident memory of an idle gateway, MiB", IDLE, "gateway_mib", 120),
    Budget("resident memory of an idle executor-service, MiB", IDLE, "executor-service_mib", 120),
)
