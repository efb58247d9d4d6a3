"""The capacity page."""

from benchmarks.machine import Machine
from benchmarks.pages.capacity import SERVICES, queued_runs
from benchmarks.results import Measured, Results

MACHINE = Machine("now", "abc", "any", cores=2, memory_gib=1, load=0, python="3")


def results(*per_second: float, cpu_us: float = 2_500) -> Results:
    costs = {f"{service}_cpu_us": cpu_us for service in SERVICES}
    rows = {
        f"async, {executors} executors": Measured.of(None, [{"completed_per_second": rate, **costs}])
        for executors, rate in zip((1, 2, 4), per_second, strict=False)
    }
    return Results(MACHINE, rows)


def test_the_computed_and_the_measured_rate_are_shown() -> None:
    text = queued_runs(results(110, 115, 111))
    assert "15,000 µs" in text
    assert "2 otherwise idle cores complete at most 133 runs/s" in text
    assert "110 at 1, 115 at 2, 111 at 4" in text


def test_unmeasured_rates_are_omitted() -> None:
    assert queued_runs(results()) == ""
    assert queued_runs(results(110, cpu_us=0)) == ""
