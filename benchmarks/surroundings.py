"""What every measuring command needs: a folder, an end that leaves nothing running, and a place to print to."""

import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Gone at the end. SIGTERM ends the block as Ctrl-C does: everything in it is stopped in order."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory(prefix="flowport-bench-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def console() -> Console:
    """Wide enough for tables where nobody looks."""
    return Console(width=None if sys.stdout.isatty() else 150, highlight=False)
