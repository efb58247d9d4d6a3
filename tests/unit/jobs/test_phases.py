"""A run only ever moves forward."""

from datetime import timedelta

import pytest
from tests.support.jobs.makers import NOW, RULES, a_run, in_progress

from jobs_service.runs.run import NEXT, IllegalTransition, Phase, end, transition
from shared.contracts.runs import RunStatus

RANK = {
    RunStatus.QUEUED: 0,
    RunStatus.PROCESSING: 1,
    RunStatus.PAUSED: 1,
    RunStatus.COMPLETED: 2,
    RunStatus.FAILED: 2,
    RunStatus.CANCELLED: 2,
}
ATTEMPTS = {Phase.RESERVED: (0,), Phase.WAITING: (0,), Phase.DISPATCHED: (0, 1)}
EVERY_STEP = [(before, after) for before in Phase for after in Phase]


@pytest.mark.parametrize(("before", "after"), EVERY_STEP)
def test_every_step_that_is_not_in_the_table_is_refused(before: Phase, after: Phase) -> None:
    if after in NEXT[before]:
        assert transition(a_run(before), after).phase is after
    else:
        with pytest.raises(IllegalTransition):
            transition(a_run(before), after)


LEGAL_STEPS = [
    (before, after, attempt)
    for before, after in EVERY_STEP
    if after in NEXT[before]
    for attempt in ATTEMPTS.get(before, (1,))
]


@pytest.mark.parametrize(("before", "after", "attempt"), LEGAL_STEPS)
def test_no_step_reverts_a_state_that_callers_have_seen(before: Phase, after: Phase, attempt: int) -> None:
    run = a_run(before, attempt=attempt)

    assert RANK[transition(run, after).status] >= RANK[run.status]


@pytest.mark.parametrize("phase", [Phase.COMPLETED, Phase.FAILED, Phase.CANCELLED])
def test_nothing_follows_an_end(phase: Phase) -> None:
    assert phase.is_terminal
    assert NEXT[phase] == frozenset()


def test_every_phase_that_is_not_an_end_can_reach_one() -> None:
    def reachable(phase: Phase, seen: frozenset[Phase]) -> frozenset[Phase]:
        for following in NEXT[phase] - seen:
            seen = reachable(following, seen | {following})
        return seen

    assert all(reachable(phase, frozenset()) & {Phase.CANCELLED} for phase in Phase if not phase.is_terminal)


@pytest.mark.parametrize(
    ("phase", "attempt", "status"),
    [
        (Phase.WAITING, 0, RunStatus.QUEUED),
        (Phase.DISPATCHED, 0, RunStatus.QUEUED),
        (Phase.DISPATCHED, 1, RunStatus.PROCESSING),
        (Phase.REQUEUED, 1, RunStatus.PROCESSING),
        (Phase.ATTACHED, 1, RunStatus.PROCESSING),
        (Phase.PAUSED, 1, RunStatus.PAUSED),
    ],
)
def test_callers_see_a_begun_run_as_processing(phase: Phase, attempt: int, status: RunStatus) -> None:
    assert a_run(phase, attempt=attempt).status is status


def test_an_ended_run_has_no_holder_and_is_deleted_after_the_retention() -> None:
    ended = end(in_progress(), Phase.COMPLETED, NOW, RULES, by=1)

    assert (ended.due_at, ended.ended_at, ended.ended_by) == (None, NOW, 1)
    assert not ended.is_expired(NOW + RULES.retention - RULES.lease)
    assert ended.is_expired(NOW + RULES.retention)
    assert ended.expires_at == NOW + RULES.retention


def test_the_logs_contain_a_run_for_the_retention_of_its_plan() -> None:
    week = timedelta(days=7)
    ended = end(in_progress(log_retention_ms=week // timedelta(milliseconds=1)), Phase.COMPLETED, NOW, RULES, by=1)

    assert ended.is_expired(NOW + RULES.retention)
    assert ended.expires_at == NOW + week
