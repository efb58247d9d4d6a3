"""The message for callers of a run that timed out."""

import pytest

from shared.contracts.runs import timeout_message


@pytest.mark.parametrize(
    ("limit_ms", "text"),
    [
        (300, "300 ms"),
        (1_000, "1 seconds"),
        (59_999, "59 seconds"),
        (60_000, "1 minute"),
        (90_000, "1 minute"),
        (120_000, "2 minutes"),
        (5_400_000, "90 minutes"),
    ],
)
def test_a_time_out_names_whole_minutes_from_one_minute_on(limit_ms: int, text: str) -> None:
    assert timeout_message(limit_ms) == f"Execution timed out after {text}"
