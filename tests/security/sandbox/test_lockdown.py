"""If V8 itself is broken: machine code inside the jail gets nothing from the kernel but memory and time."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from executor_service import sandbox

CONVICT = Path(__file__).with_name("convict.py")
SANDBOX = Path(sandbox.__file__).parent


@pytest.fixture(scope="module")
def outcomes() -> dict[str, str]:
    command = [sys.executable, "-I", "-S", str(CONVICT), str(SANDBOX), "javascript_filter"]
    answer = subprocess.run(command, capture_output=True, timeout=20, check=True)
    return dict(json.loads(answer.stdout))


def attempts() -> list[str]:
    return [line.strip().split('"')[1] for line in CONVICT.read_text().splitlines() if line.startswith('    "')]


@pytest.mark.parametrize("attempt", attempts())
def test_the_kernel_refuses_to(outcomes: dict[str, str], attempt: str) -> None:
    assert outcomes[attempt] == "Operation not permitted"


def test_every_attempt_was_made_and_none_succeeded(outcomes: dict[str, str]) -> None:
    assert len(outcomes) > 50
    assert "done" not in outcomes.values()
