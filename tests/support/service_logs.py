"""Report what the services of a stack logged last, when a test with the fixture `stack` fails.

An answer tells its caller no internal reason, and the log files are deleted with the folders of the test run.
"""

import re
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import pytest

LINES: Final = 30
TAIL_BYTES: Final = 200_000
ROUTINE: Final = re.compile(rb'"level": "(?:info|debug)"')


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add a section for each service."""
    report = yield
    stack: Any = getattr(item, "funcargs", {}).get("stack")
    if report.failed and hasattr(stack, "log_of"):
        for name in stack.names:
            report.sections.append((f"last warnings and errors of {name}", last_problems(stack.log_of(name))))
    return report


def last_problems(log: Path) -> str:
    """Return the last lines of a log that are more severe than info."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL_BYTES))
        lines = [line for line in file.read().splitlines() if not ROUTINE.search(line)]
    return b"\n".join(lines[-LINES:]).decode(errors="replace")
