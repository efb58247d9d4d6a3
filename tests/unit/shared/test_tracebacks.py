"""An error that is raised again does not keep the traceback of the first time."""

import pytest

from gateway.runs.errors import RunLost
from shared.broker.rabbitmq.errors import ChannelClosed
from shared.errors import AtCapacity
from shared.tracebacks import clear_tracebacks, without_traceback

ERRORS = (
    AtCapacity("full", retry_after=7),
    ChannelClosed("the broker closed the channel", code=404),
    RunLost("the worker is lost", run_id="E1"),
)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_of_any_kind_is_reraised_unchanged(error: Exception) -> None:
    with pytest.raises(type(error)) as raised:
        raise error
    again = without_traceback(raised.value)
    assert again is not error
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
    assert (error.__traceback__ is not None, again.__traceback__) == (True, None)


def test_frames_are_forgotten_of_all_that_an_error_came_from() -> None:
    def cut() -> None:
        try:
            raise KeyError("cause")
        except KeyError as cause:
            raise ValueError("error") from cause

    with pytest.raises(ValueError, match="error") as raised:
        cut()
    error, cause = raised.value, raised.value.__cause__
    clear_tracebacks(error)
    assert cause is not None
    assert (error.__traceback__, cause.__traceback__) == (None, None)
