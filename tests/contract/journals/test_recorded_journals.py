"""Every version resumes the runs that any earlier version interrupted. Files are added, never changed."""

from pathlib import Path

import msgspec
import pytest
from tests.contract.journals.interrupted_runs import CASES, RECORDED, InterruptedRun, ended, missing, taken_up

FILES = sorted(RECORDED.glob("*.json"))


def recorded(file: Path) -> InterruptedRun:
    return msgspec.json.decode(file.read_bytes(), type=InterruptedRun)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_an_interrupted_run_ends_as_it_did_in_the_version_that_interrupted_it(file: Path) -> None:
    run = recorded(file)
    assert run.left
    for left in run.left:
        assert ended(left, await taken_up(run, left)) == left


def test_every_case_is_recorded() -> None:
    assert missing() == [], "`python -m tests.contract.record` adds them"
    assert len(FILES) >= len(CASES)
