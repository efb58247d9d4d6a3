"""Workers that keep, release and lose their leases."""

import pytest
from tests.support.jobs.makers import NOW, RULES, a_run, after, in_progress

from jobs_service.runs.rules import expires_soon, overdue, release, renew
from jobs_service.runs.run import Phase
from shared.contracts.runs import ErrorCode
from shared.errors import StaleAttempt


def test_a_renewed_lease_restarts() -> None:
    assert renew(in_progress(), 1, after(5), RULES).due_at == after(20)


@pytest.mark.parametrize("run", [in_progress(attempt=2), a_run(Phase.REQUEUED, attempt=1), a_run(Phase.COMPLETED)])
def test_an_attempt_that_lost_the_run_cannot_renew(run: object) -> None:
    with pytest.raises(StaleAttempt):
        renew(run, 1, NOW, RULES)  # type: ignore[arg-type]


def test_the_run_of_a_silent_worker_loses_an_attempt_and_is_redispatched() -> None:
    run = overdue(in_progress(), after(16), RULES)

    assert (run.phase, run.attempt, run.losses, run.worker_id) == (Phase.REQUEUED, 1, 1, None)
    assert run.due_at == after(5410), "it is looked at again when its time limit is over"


def test_the_last_allowed_loss_ends_the_run() -> None:
    run = overdue(in_progress(losses=2), after(16), RULES)

    assert run.phase is Phase.FAILED
    assert run.error is not None
    assert run.error.code is ErrorCode.ATTEMPTS_EXHAUSTED


@pytest.mark.parametrize("phase", [Phase.REQUEUED, Phase.DISPATCHED])
def test_a_begun_run_without_a_worker_ends_with_its_time_limit(phase: Phase) -> None:
    run = overdue(a_run(phase, attempt=1, started_at=NOW, deadline_at=after(60)), after(70), RULES)

    assert run.phase is Phase.FAILED
    assert run.error is not None
    assert run.error.code is ErrorCode.TIMEOUT


def test_a_silent_worker_with_a_stop_request_leaves_a_cancelled_run() -> None:
    assert overdue(in_progress(cancel_requested=True), after(16), RULES).phase is Phase.CANCELLED


def test_an_attached_run_that_never_reported_its_end_fails_as_stuck() -> None:
    run = overdue(a_run(Phase.ATTACHED, attempt=1, due_at=NOW), NOW, RULES)

    assert run.phase is Phase.FAILED
    assert run.error is not None
    assert run.error.message == "Job terminated: stuck in processing for more than 90 minutes"


def test_an_attached_run_ended_before_its_limit_reports_a_lost_worker() -> None:
    run = overdue(a_run(Phase.ATTACHED, attempt=1, started_at=NOW, due_at=after(60)), after(60), RULES)

    assert run.phase is Phase.FAILED
    assert run.error is not None
    assert (run.error.code, run.error.message) == (
        ErrorCode.WORKER_LOST,
        "The worker was stopped before the run ended",
    )


def test_an_attached_run_with_a_stop_request_and_no_reported_end_is_cancelled() -> None:
    assert overdue(a_run(Phase.ATTACHED, cancel_requested=True), after(6000), RULES).phase is Phase.CANCELLED


@pytest.mark.parametrize(("seconds", "short"), [(7, False), (8, True), (16, True)])
def test_a_lease_runs_short_when_less_than_half_of_it_is_left(seconds: int, *, short: bool) -> None:
    assert expires_soon(in_progress(), after(seconds), RULES) is short


def test_releasing_a_run_counts_no_attempt() -> None:
    run = release(in_progress(), 1, NOW, RULES)

    assert (run.phase, run.losses) == (Phase.REQUEUED, 0)
    assert release(run, 1, NOW, RULES) == run, "once more is the same"


def test_a_run_handed_back_after_a_cancel_is_cancelled() -> None:
    assert release(in_progress(cancel_requested=True), 1, NOW, RULES).phase is Phase.CANCELLED


def test_an_older_attempt_cannot_hand_back_the_run_of_a_newer_one() -> None:
    with pytest.raises(StaleAttempt):
        release(in_progress(attempt=2), 1, NOW, RULES)
