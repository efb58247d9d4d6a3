"""When the queue is full, and when to retry."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.jobs.makers import NOW, after

from jobs_service.queue.capacity import Admission, Drain, QueueCounter, QueueLimits, expected_wait, retry_after


def test_the_last_slot_is_granted_and_the_next_request_is_refused() -> None:
    admission = Admission(QueueLimits(1000, 50_000), {"a": QueueCounter(queued=999)}, QueueCounter(queued=999), NOW)

    assert admission.refusal_of("a") is None
    refusal = admission.refusal_of("a")
    assert refusal is not None
    assert refusal.message == "Service temporarily at capacity"
    assert refusal.details == {"message": "Workspace queue is at capacity (1000/1000)", "limit": "workspace"}
    assert refusal.retry_after == 10


def test_a_full_house_refuses_workspaces_that_have_room() -> None:
    admission = Admission(QueueLimits(1000, 50_000), {}, QueueCounter(queued=50_000), NOW)

    refusal = admission.refusal_of("a")
    assert refusal is not None
    assert refusal.details == {"message": "Global dispatch queue is at capacity (50000/50000)", "limit": "global"}


def test_the_workspace_speaks_before_the_house() -> None:
    admission = Admission(QueueLimits(1, 1), {"a": QueueCounter(queued=1)}, QueueCounter(queued=1), NOW)

    refusal = admission.refusal_of("a")
    assert refusal is not None
    assert "Workspace" in refusal.details["message"]


@given(
    requests=st.lists(st.sampled_from("abc"), max_size=60),
    queued=st.dictionaries(st.sampled_from("abc"), st.integers(0, 12)),
    per_workspace=st.integers(0, 12),
    overall=st.integers(0, 40),
)
def test_admission_fills_every_slot_and_no_more(
    requests: list[str], queued: dict[str, int], per_workspace: int, overall: int
) -> None:
    counters = {name: QueueCounter(queued=count) for name, count in queued.items()}
    total = sum(queued.values())
    admission = Admission(QueueLimits(per_workspace, overall), counters, QueueCounter(queued=total), NOW)

    admitted = [name for name in requests if admission.refusal_of(name) is None]

    assert admission.total == len(admitted)
    assert not admitted or total + len(admitted) <= overall
    for name in "abc":
        before, requested, got = queued.get(name, 0), requests.count(name), admitted.count(name)
        assert not got or before + got <= per_workspace
        if got < requested:
            assert before + got >= per_workspace or total + len(admitted) >= overall


def test_nothing_known_means_ten_seconds() -> None:
    assert retry_after(None, NOW) == 10
    assert retry_after(Drain.starting(NOW), NOW) == 10


@pytest.mark.parametrize(("every_seconds", "expected"), [(0.2, 1), (1, 1), (4, 4), (20, 20)])
def test_a_steady_drain_predicts_the_next_free_slot(every_seconds: float, expected: int) -> None:
    drain, now = Drain.starting(NOW), 0.0
    while now < 120:
        now += every_seconds
        drain = drain.after(1, after(now))

    assert abs(retry_after(drain, after(now)) - expected) <= max(1, 0.5 * expected)


def test_a_drain_rate_is_known_after_the_first_departures() -> None:
    drain = Drain.starting(NOW).after(20, after(1))

    assert retry_after(drain, after(1)) == 1


def test_a_stalled_queue_reports_increasing_retry_times() -> None:
    drain = Drain.starting(NOW)
    for second in range(60):
        drain = drain.after(1, after(second))

    waits = [retry_after(drain, after(59 + silence)) for silence in (0, 30, 60, 90)]
    assert waits == sorted(waits)
    assert waits[-1] > 10 * waits[0]


def test_an_idle_queue_is_measured_from_zero() -> None:
    drain = Drain.starting(NOW).after(1, after(1)).after(5, after(4000))

    assert retry_after(drain, after(4000)) == 1


def test_a_new_run_waits_for_those_before_it_at_the_pace_of_late() -> None:
    drain = Drain.starting(NOW)
    for second in range(120):
        drain = drain.after(2, after(second))

    assert expected_wait(drain, 0, after(119)) == 0
    assert expected_wait(drain, 60, after(119)) == pytest.approx(30, rel=0.1)
    assert expected_wait(None, 60, NOW) is None


@given(gaps=st.lists(st.tuples(st.floats(0, 500), st.integers(0, 1000)), max_size=30), later=st.floats(0, 10_000))
def test_the_advice_is_always_between_one_second_and_five_minutes(gaps: list[tuple[float, int]], later: float) -> None:
    drain, now = Drain.starting(NOW), 0.0
    for gap, departed in gaps:
        now += gap
        drain = drain.after(departed, after(now))

    assert 1 <= retry_after(drain, after(now + later)) <= 300


def test_no_retry_time_exceeds_five_minutes() -> None:
    assert retry_after(Drain(level=0.06, since=after(-3600), at=NOW), NOW) == 300


def test_one_departure_that_was_just_watched_makes_no_torrent() -> None:
    rate = Drain(level=1.0, since=NOW, at=NOW).per_second(NOW)
    assert rate is not None
    assert rate < 1.1
