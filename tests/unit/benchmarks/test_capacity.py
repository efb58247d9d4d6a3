"""The capacity page."""

from benchmarks.machine import Machine
from benchmarks.pages.capacity import SERVICES, queued_runs
from benchmarks.results import Results, build_results

MACHINE = Machine("now", "abc", "any", cores=2, memory_gib=1, load=0, system="any", python="3")


def results(*per_second: float, cpu_us: float = 2_500) -> Results:
    costs = {f"{service}_cpu_us": cpu_us for service in SERVICES}
    rows = {
        f"async, {executors} executors": [{"completed_per_second": rate, **costs}]
        for executors, rate in zip((1, 2, 4), per_second, strict=False)
    }
    return build_results(MACHINE, rows, dict.fromkeys(rows), {})


def test_the_computed_and_the_measured_rate_are_shown() -> None:
    text = queued_runs(results(110, 115, 111))
    assert "15,000 µs" in text
    assert "2 otherwise idle cores complete at most 133 runs/s" in text
    assert "110, 115 and 111 at 1, 2 and 4 executors" in text


def test_saturation_is_reported_only_if_more_executors_did_not_help() -> None:
    assert "executors use 17% of that time, and with 1 of them 82% of the cores are busy" in queued_runs(
        results(110, 115, 111)
    )
    assert "do not help" not in queued_runs(results(50, 90, 120))


def test_unmeasured_rates_are_omitted() -> None:
    assert queued_runs(results()) == ""
    assert queued_runs(results(110, cpu_us=0)) == ""
