"""The log file rotates and keeps the latest lines."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowport.local import log_file
from flowport.local.log_file import log_to_file


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_full_log_file_rotates_and_keeps_the_latest_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_file, "MAX_BYTES", 2_000)
    log_to_file(tmp_path / "flowport.log")
    for number in range(500):
        logging.getLogger("test").warning("line %d", number)
    files = sorted(tmp_path.iterdir())
    assert len(files) == 1 + log_file.BACKUP_FILES
    assert max(file.stat().st_size for file in files) <= 2_000
    assert "line 499" in (tmp_path / "flowport.log").read_text()
