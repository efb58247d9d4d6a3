"""Internal paths, safe whatever a caller put into them."""

from urllib.parse import quote, urlencode


def path_of(*parts: str, **query: str | int | bool | None) -> str:
    """`/internal/a/b?c=d`; what is None in the query is left out."""
    path = "/internal/" + "/".join(quote(part, safe="") for part in parts)
    given = {name: str(value).lower() if isinstance(value, bool) else value for name, value in query.items()}
    text = urlencode({name: value for name, value in given.items() if value is not None})
    return f"{path}?{text}" if text else path
