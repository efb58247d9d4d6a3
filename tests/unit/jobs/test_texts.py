"""The sentences that callers read."""

import pytest

from jobs_service.domain import texts


@pytest.mark.parametrize(
    ("limit_ms", "message"),
    [
        (5_400_000, "Execution timed out after 90 minutes"),
        (60_000, "Execution timed out after 1 minute"),
        (90_000, "Execution timed out after 1 minute"),
        (120_000, "Execution timed out after 2 minutes"),
        (59_999, "Execution timed out after 59 seconds"),
        (1_000, "Execution timed out after 1 seconds"),
        (500, "Execution timed out after 0 seconds"),
    ],
)
def test_a_time_out_names_whole_minutes_from_one_minute_on(limit_ms: int, message: str) -> None:
    assert texts.timed_out(limit_ms).message == message
