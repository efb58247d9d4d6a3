"""Environment values, which nobody may read who is not told them."""

from collections.abc import Iterable
from typing import Final

REDACTED: Final = "[REDACTED]"
SHORTEST_SECRET: Final = 6
"""Shorter environment values are words like `true` or `80`: hiding them would garble everything."""


def without_secrets(text: str, values: Iterable[str]) -> str:
    """What code printed, for a log: the longest value first, since one may hold another."""
    for value in sorted((value for value in values if len(value) >= SHORTEST_SECRET), key=len, reverse=True):
        text = text.replace(value, REDACTED)
    return text
