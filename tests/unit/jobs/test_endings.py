"""How runs end."""

import pytest
from tests.support.jobs.makers import NOW, RULES, a_run, after, asks, in_progress

from jobs_service.runs.rules import cancel, finish, pause
from jobs_service.runs.run import Phase, Run, end
from shared.contracts.jobs import CancelReason
from shared.contracts.runs import RunStatus
from shared.errors import Conflict, InvalidRequest, StaleAttempt

ENDS = {
    RunStatus.COMPLETED: Phase.COMPLETED,
    RunStatus.FAILED: Phase.FAILED,
    RunStatus.CANCELLED: Phase.CANCELLED,
}


@pytest.mark.parametrize(("status", "phase"), ENDS.items())
def test_the_holder_reports_how_the_run_ended(status: RunStatus, phase: Phase) -> None:
    run = finish(in_progress(), 1, after(5), RULES, status=status)

    assert (run.phase, run.ended_by, run.ended_at) == (phase, 1, after(5))


def test_a_run_does_not_end_before_it_started_though_the_clock_was_set_back() -> None:
    run = finish(in_progress(started_at=NOW), 1, after(-30), RULES, status=RunStatus.COMPLETED)

    assert run.ended_at == run.started_at


def test_a_repeated_identical_report_changes_nothing() -> None:
    run = finish(in_progress(), 1, NOW, RULES, status=RunStatus.COMPLETED)

    assert finish(run, 1, after(9), RULES, status=RunStatus.FAILED) == run


def test_the_first_end_wins_over_a_late_report() -> None:
    ended = end(in_progress(), Phase.FAILED, NOW, RULES)

    with pytest.raises(StaleAttempt):
        finish(ended, 1, NOW, RULES, status=RunStatus.COMPLETED)


@pytest.mark.parametrize("run", [in_progress(attempt=2), a_run(Phase.REQUEUED, attempt=1), a_run(Phase.WAITING)])
def test_an_attempt_that_does_not_hold_the_run_cannot_end_it(run: Run) -> None:
    with pytest.raises(StaleAttempt):
        finish(run, 1, NOW, RULES, status=RunStatus.COMPLETED)


@pytest.mark.parametrize("status", [RunStatus.QUEUED, RunStatus.PROCESSING])
def test_a_status_that_is_not_an_outcome_is_refused(status: RunStatus) -> None:
    with pytest.raises(InvalidRequest):
        finish(in_progress(), 1, NOW, RULES, status=status)


def test_a_paused_run_holds_no_worker_and_does_not_expire() -> None:
    run = pause(in_progress(), 1, NOW, RULES, points=(asks("form"),), reported_at=NOW)

    assert (run.phase, run.worker_id, run.held_dispatch_id, run.expires_at) == (Phase.PAUSED, None, None, None)


def test_a_worker_that_finished_before_the_cancel_has_completed() -> None:
    assert (
        finish(in_progress(cancel_requested=True), 1, NOW, RULES, status=RunStatus.COMPLETED).phase is Phase.COMPLETED
    )


@pytest.mark.parametrize("run", [a_run(Phase.WAITING), a_run(Phase.DISPATCHED)])
def test_a_queued_run_is_cancelled_immediately(run: Run) -> None:
    done = cancel(run, NOW, RULES)

    assert (done.run.phase, done.reason, done.notify_worker) == (Phase.CANCELLED, CancelReason.QUEUE_CANCELLED, False)


@pytest.mark.parametrize("run", [in_progress(), a_run(Phase.ATTACHED, attempt=1)])
def test_a_run_in_progress_is_requested_to_stop(run: Run) -> None:
    done = cancel(run, NOW, RULES)

    assert (done.run.phase, done.run.cancel_requested) == (run.phase, True)
    assert (done.reason, done.notify_worker) == (CancelReason.RECORDED, True)


@pytest.mark.parametrize("phase", [Phase.REQUEUED, Phase.DISPATCHED, Phase.PAUSED])
def test_a_begun_run_without_a_worker_is_cancelled_immediately(phase: Phase) -> None:
    done = cancel(a_run(phase, attempt=1), NOW, RULES)

    assert (done.run.phase, done.reason, done.notify_worker) == (Phase.CANCELLED, CancelReason.RECORDED, False)


def test_an_attached_run_is_waited_for_as_long_as_a_lease_once_it_is_to_stop() -> None:
    done = cancel(a_run(Phase.ATTACHED, attempt=1, due_at=after(6000)), NOW, RULES)

    assert done.run.due_at == NOW + RULES.lease


def test_a_second_cancel_notifies_the_worker_again() -> None:
    done = cancel(in_progress(cancel_requested=True), NOW, RULES)

    assert (done.reason, done.notify_worker) == (CancelReason.ALREADY_CANCELLED, True)


def test_a_cancelled_run_stays_as_it_is() -> None:
    run = a_run(Phase.CANCELLED)

    assert cancel(run, NOW, RULES).run == run
    assert cancel(run, NOW, RULES).reason is CancelReason.ALREADY_CANCELLED


@pytest.mark.parametrize("phase", [Phase.COMPLETED, Phase.FAILED])
def test_a_run_that_is_over_cannot_be_cancelled(phase: Phase) -> None:
    with pytest.raises(Conflict, match=f"Execution cannot be cancelled while {phase.value}"):
        cancel(a_run(phase), NOW, RULES)
