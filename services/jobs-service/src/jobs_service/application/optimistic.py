"""Runs are written only over what was read: whoever comes second reads again."""

from typing import Final

from shared.errors import Unavailable

TRIES: Final = 10


def keeps_changing(run_id: str) -> Unavailable:
    """Others were faster each time."""
    return Unavailable(f"run {run_id} keeps changing")
