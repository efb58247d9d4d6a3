"""Figures that tests measure but do not judge by: printed at the end of the run, whichever process measured them."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import pytest

MEASURED: Final = "measured"
Tell = Callable[[str], None]


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Tell:
    """Record a line for the end of the run."""
    return partial(record_property, MEASURED)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the recorded lines."""
    reports = (report for group in terminalreporter.stats.values() for report in group)
    calls = (report for report in reports if getattr(report, "when", None) == "call")
    lines = [str(value) for report in calls for name, value in report.user_properties if name == MEASURED]
    if lines:
        terminalreporter.section(MEASURED)
    for line in lines:
        terminalreporter.write_line(line)
