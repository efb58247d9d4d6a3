"""Internal paths, safe whatever a caller put into them."""

from typing import Final
from urllib.parse import quote, urlencode

from shared.errors import NotFound

_STEPS: Final = frozenset({"", ".", ".."})
"""What a client or a server takes out of a path: it would then lead somewhere else."""


def path_of(*parts: str, **query: str | int | bool | None) -> str:
    """`/internal/a/b?c=d`; what is None in the query is left out. Raises NotFound for what is nobody's id."""
    if any(part in _STEPS or "/" in part for part in parts):  # a slash is one again when the other side has read it
        raise NotFound("Not found")
    path = "/internal/" + "/".join(quote(part, safe="") for part in parts)
    given = {name: str(value).lower() if isinstance(value, bool) else value for name, value in query.items()}
    text = urlencode({name: value for name, value in given.items() if value is not None})
    return f"{path}?{text}" if text else path
