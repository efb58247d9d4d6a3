"""Cancels reach the runs that they are for, and no others."""

from executor_service.application.running_runs import REMEMBERED_SECONDS, RunningRuns
from shared.contracts.messages import CancelRun


class Run:
    """A run in hand."""

    def __init__(self) -> None:
        self.cancels = 0

    def cancel(self, reason: str) -> None:
        self.cancels += 1

    def follow(self, address: str) -> None:
        """Nobody does."""


def cancels_after(seconds: float) -> int:
    """How often a run is cancelled that arrives so long after a cancel for it."""
    now, run = 0.0, Run()
    runs = RunningRuns(clock=lambda: now)
    runs.on_control(CancelRun("r1", "caller_gone"))
    now += seconds
    with runs.holding("r1", run):
        pass
    return run.cancels


def test_a_cancel_that_comes_before_its_run_is_obeyed() -> None:
    assert cancels_after(REMEMBERED_SECONDS - 1) == 1


def test_a_run_that_goes_on_after_a_pause_is_not_met_by_an_old_cancel() -> None:
    assert cancels_after(REMEMBERED_SECONDS + 1) == 0
