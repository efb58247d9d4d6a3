"""Helpers of benchmark commands: temporary folder and console."""

import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Create a temporary folder for the block. SIGTERM ends the block like Ctrl-C, so its servers stop in order."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory(prefix="flowport-bench-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def console() -> Console:
    """Return a console that is wide enough for tables in a pipe."""
    return Console(width=None if sys.stdout.isatty() else 150, highlight=False)
