"""Results: ratios of interleaved rounds."""

from pathlib import Path

from benchmarks.budgets import Budget, Kind
from benchmarks.machine import Machine
from benchmarks.results import Results, build_results

OURS, THEIRS = "sync no-op", "bare"


def results(*pairs: tuple[float, float], figure: str = "per_second") -> Results:
    rows = {OURS: [{figure: ours} for ours, _ in pairs], THEIRS: [{figure: theirs} for _, theirs in pairs]}
    return build_results(Machine.now(), rows, {OURS: THEIRS, THEIRS: None}, {})


def test_a_round_on_a_slow_machine_does_not_change_the_ratio() -> None:
    assert results((800, 1000), (80, 100), (1600, 2000)).ratio(OURS, "per_second") == 0.8


def test_a_budget_without_a_measurement_has_no_verdict() -> None:
    budget = Budget("throughput", OURS, "per_second", 0.6, at_least=True, kind=Kind.RATIO, against="bare web")
    assert budget.measured(results((800, 1000))) is None


def test_a_budget_may_bound_the_difference_to_the_baseline() -> None:
    measured = Budget("latency", OURS, "p50_ms", 2, kind=Kind.ADDED).measured(results((5, 2), (4, 3), figure="p50_ms"))
    assert measured == 2.0


def test_results_round_trip_through_a_file(tmp_path: Path) -> None:
    found = results((800, 1000))
    found.write(tmp_path / "latest.json")
    assert Results.read(tmp_path / "latest.json") == found
