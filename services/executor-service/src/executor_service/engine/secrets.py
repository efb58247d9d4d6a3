"""Environment values, which nobody may read who is not told them."""

from typing import Final

REDACTED: Final = "[REDACTED]"
SHORTEST_SECRET: Final = 6
"""Shorter environment values are words like `true` or `80`: hiding them would garble everything."""
