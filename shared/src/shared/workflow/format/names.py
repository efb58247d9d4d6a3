"""Block names in references."""

import re
from typing import Final

RESERVED_NAMES: Final = frozenset({"loop", "parallel", "variable"})
"""Names that no block may have: they have other meanings inside `<…>`."""

_DROPPED: Final = re.compile(r"[\s.\ufeff]+")


def normalize_name(name: str) -> str:
    """Return the name in references: lower case, without white space and dots. `Agent 1` becomes `agent1`."""
    return _DROPPED.sub("", name.lower())
