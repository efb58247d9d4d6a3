"""Cancels reach their runs, and no others."""

import pytest

from executor_service.application import active_runs
from executor_service.application.active_runs import EARLY_CANCEL_SECONDS, ActiveRuns
from shared.contracts.messages import CancelRun


class Run:
    """A run in progress."""

    def __init__(self) -> None:
        self.cancels = 0

    def cancel(self, reason: str) -> None:
        self.cancels += 1

    def follow(self, address: str) -> None:
        """Ignore the cancel."""


def cancels_after(seconds: float) -> int:
    """Return how often a run is cancelled that arrives so long after its cancel."""
    now, run = 0.0, Run()
    runs = ActiveRuns(clock=lambda: now)
    runs.handle_control(CancelRun("r1", "caller_gone"))
    now += seconds
    with runs.track("r1", run):
        pass
    return run.cancels


def test_a_cancel_that_arrives_before_its_run_applies() -> None:
    assert cancels_after(EARLY_CANCEL_SECONDS - 1) == 1


def test_an_old_cancel_does_not_affect_a_resumed_run() -> None:
    assert cancels_after(EARLY_CANCEL_SECONDS + 1) == 0


def test_a_cancel_that_came_before_its_run_is_for_that_alone() -> None:
    runs, first, second = ActiveRuns(), Run(), Run()
    runs.handle_control(CancelRun("r1"))
    for run in (first, second):
        with runs.track("r1", run):
            pass
    assert (first.cancels, second.cancels) == (1, 0)


def test_a_bounded_number_of_early_cancels_is_remembered_latest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(active_runs, "MAX_EARLY_CANCELS", 2)
    runs, waiting = ActiveRuns(), {name: Run() for name in ("r1", "r2", "r3")}
    for name in waiting:
        runs.handle_control(CancelRun(name))
    for name, run in waiting.items():
        with runs.track(name, run):
            pass
    assert [run.cancels for run in waiting.values()] == [0, 1, 1]


def test_a_taken_over_run_receives_its_cancel() -> None:
    runs, before, now = ActiveRuns(), Run(), Run()
    with runs.track("r1", before):
        taken_over = runs.track("r1", now)
        taken_over.__enter__()
    runs.handle_control(CancelRun("r1"))
    taken_over.__exit__(None, None, None)
    assert (before.cancels, now.cancels) == (0, 1)
