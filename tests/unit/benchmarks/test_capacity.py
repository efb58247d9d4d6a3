"""The page of capacity sets its arithmetic beside what came out."""

from benchmarks.machine import Machine
from benchmarks.pages.capacity import SERVICES, queued_runs
from benchmarks.results import Results, results_of

MACHINE = Machine("now", "abc", "any", cores=2, memory_gib=1, load=0, system="any", python="3")


def results(*per_second: float, cpu_us: float = 2_500) -> Results:
    costs = {f"{service}_cpu_us": cpu_us for service in SERVICES}
    rows = {
        f"async, {executors} executors": [{"completed_per_second": rate, **costs}]
        for executors, rate in zip((1, 2, 4), per_second, strict=False)
    }
    return results_of(MACHINE, rows, dict.fromkeys(rows), {})


def test_what_the_cores_can_give_stands_beside_what_they_gave() -> None:
    said = queued_runs(results(110, 115, 111))
    assert "15,000 µs" in said
    assert "2 cores without other work reach 133 runs/s" in said
    assert "110, 115 and 111 at 1, 2 and 4 executors" in said


def test_more_executors_are_said_to_help_nothing_only_where_they_did_not() -> None:
    assert "executors take 17% of that time, and with 1 of them 82% of the cores are busy" in queued_runs(
        results(110, 115, 111)
    )
    assert "do not help" not in queued_runs(results(50, 90, 120))


def test_nothing_is_said_of_what_was_not_measured() -> None:
    assert queued_runs(results()) == ""
    assert queued_runs(results(110, cpu_us=0)) == ""
