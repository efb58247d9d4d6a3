"""Defense against a broken engine: machine code inside the jail gets only memory and time from the kernel."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from executor_service import sandbox

CONVICT = Path(__file__).with_name("convict.py")
SANDBOX = Path(sandbox.__file__).parent
REFUSED = {"Operation not permitted", "Function not implemented"}
# Python reads its standard library, the only content of its mount namespace.
READING = {
    "open a file",
    "open a file through the old call",
    "list a directory",
    "read a link",
    "ask for the host's name",
}


def outcomes_under(filter_name: str) -> dict[str, str]:
    command = [sys.executable, "-I", "-S", str(CONVICT), str(SANDBOX), filter_name]
    answer = subprocess.run(command, capture_output=True, timeout=60, check=True)
    return dict(json.loads(answer.stdout))


@pytest.fixture(scope="module")
def javascript() -> dict[str, str]:
    return outcomes_under("javascript_filter")


@pytest.fixture(scope="module")
def python() -> dict[str, str]:
    return outcomes_under("python_filter")


def attempts() -> list[str]:
    lines = CONVICT.read_text().splitlines()
    return [line.split('"')[1] for line in lines if line.startswith('    "') and line.endswith(")),")]


@pytest.mark.parametrize("attempt", attempts())
def test_the_kernel_refuses_javascript_to(javascript: dict[str, str], attempt: str) -> None:
    assert javascript[attempt] in REFUSED


@pytest.mark.parametrize("attempt", sorted(set(attempts()) - READING))
def test_the_kernel_refuses_python_to(python: dict[str, str], attempt: str) -> None:
    assert python[attempt] in REFUSED


def test_every_attempt_was_made(javascript: dict[str, str], python: dict[str, str]) -> None:
    assert len(javascript) == len(python) > 50
    assert {name for name, outcome in javascript.items() if outcome not in REFUSED} == set()
    assert {name for name, outcome in python.items() if outcome not in REFUSED} <= READING
