"""What a process logs that runs for years stays within bounds, and the latest of it is there."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowport import log_file
from flowport.log_file import log_to


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_log_that_is_full_makes_way_and_its_latest_lines_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "LARGEST_BYTES", 2_000)
    log_to(tmp_path / "flowport.log")
    for number in range(500):
        logging.getLogger("test").warning("line %d", number)
    kept = sorted(tmp_path.iterdir())
    assert len(kept) == 1 + log_file.OLDER_FILES
    assert max(file.stat().st_size for file in kept) <= 2_000
    assert "line 499" in (tmp_path / "flowport.log").read_text()
