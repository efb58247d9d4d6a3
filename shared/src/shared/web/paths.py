"""Safe internal paths from untrusted parts."""

from typing import Final
from urllib.parse import quote, urlencode

from shared.errors import NotFound

_STEPS: Final = frozenset({"", ".", ".."})
"""Segments that clients or servers normalize away, which would change the path."""


def path_of(*parts: str, **query: str | int | bool | None) -> str:
    """Return `/internal/a/b?c=d`, without query values that are None. Raises NotFound for an impossible id."""
    if any(part in _STEPS or "/" in part for part in parts):  # an encoded slash is decoded by the other side
        raise NotFound("Not found")
    path = "/internal/" + "/".join(quote(part, safe="") for part in parts)
    given = {name: str(value).lower() if isinstance(value, bool) else value for name, value in query.items()}
    text = urlencode({name: value for name, value in given.items() if value is not None})
    return f"{path}?{text}" if text else path
