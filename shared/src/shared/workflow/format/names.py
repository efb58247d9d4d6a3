"""Block names, as references spell them."""

import re
from typing import Final

RESERVED_NAMES: Final = frozenset({"loop", "parallel", "variable"})
"""What no block may be called: these words mean something else inside `<…>`."""

_DROPPED: Final = re.compile(r"[\s.\ufeff]+")


def normalise(name: str) -> str:
    """The name that references use: lower case, without white space and dots. `Agent 1` becomes `agent1`."""
    return _DROPPED.sub("", name.lower())
