"""Environment values, which nobody may read who is not told them."""

from collections.abc import Iterable
from typing import Final

REDACTED: Final = "[REDACTED]"
SHORTEST_SECRET: Final = 6
"""Shorter environment values are words like `true` or `80`: hiding them would garble everything."""


def to_hide(values: Iterable[str]) -> list[str]:
    """Those that are secrets, the longest first: one may hold another."""
    return sorted({value for value in values if len(value) >= SHORTEST_SECRET}, key=len, reverse=True)


def hidden(text: str, secrets: Iterable[str]) -> str:
    """`text` without these, which `to_hide` gave."""
    for secret in secrets:
        text = text.replace(secret, REDACTED)
    return text
