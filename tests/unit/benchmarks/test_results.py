"""Results: ratios of interleaved rounds."""

from pathlib import Path

from benchmarks.budgets import Budget, Kind
from benchmarks.machine import Machine
from benchmarks.results import Measured, Results, write_json

OURS, THEIRS = "sync no-op", "bare"


def results(*pairs: tuple[float, float], figure: str = "per_second") -> Results:
    rows = {OURS: [{figure: ours} for ours, _ in pairs], THEIRS: [{figure: theirs} for _, theirs in pairs]}
    baselines = {OURS: THEIRS, THEIRS: None}
    return Results(Machine.now(), {name: Measured.of(baselines[name], found) for name, found in rows.items()})


def test_a_round_on_a_slow_machine_does_not_change_the_ratio() -> None:
    assert results((800, 1000), (80, 100), (1600, 2000)).ratio(OURS, "per_second") == 0.8


def test_a_budget_without_a_measurement_has_no_verdict() -> None:
    budget = Budget("throughput", OURS, "p50_ms", 0.6, at_least=True, kind=Kind.RATIO)
    assert budget.measured(results((800, 1000))) is None
    assert budget.verdict(results((800, 1000))) == ("", "not measured")


def test_a_budget_may_bound_the_difference_to_the_baseline() -> None:
    measured = Budget("latency", OURS, "p50_ms", 2, kind=Kind.ADDED).measured(results((5, 2), (4, 3), figure="p50_ms"))
    assert measured == 2.0


def test_results_round_trip_through_a_file(tmp_path: Path) -> None:
    found = results((800, 1000))
    write_json(tmp_path / "latest.json", found)
    assert Results.read(tmp_path / "latest.json") == found
