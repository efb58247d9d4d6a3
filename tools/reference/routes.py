"""docs/api/routes.md, from the gateway's OpenAPI document."""

from collections import defaultdict
from typing import Final

from tools.openapi import openapi_document

_HEAD: Final = """# All routes

Every route of the public API, by subject. `make docs` generates this page from the gateway's OpenAPI document; do not
edit it. A server has the document at `/openapi.json`, with every field and status, and shows it at `/docs`.
[Access](access.md) says which keys and roles may call a route. Paths below `/api/v2` and `/api/v1` are those versions
of the API, `/v1` is for clients of OpenAI, and all others are Sim's original API.
"""
_OTHER: Final = "Other"


def routes_page() -> str:
    """Return the page: a table for each tag."""
    tables: defaultdict[str, list[str]] = defaultdict(list)
    for path, operations in openapi_document()["paths"].items():
        for method, operation in operations.items():
            row = f"| `{method.upper()}` | `{path}` | {operation.get('summary', '')} |"
            tables[next(iter(operation.get("tags", ())), _OTHER)].append(row)
    parts = (
        f"## {tag}\n\n| method | path | |\n|---|---|---|\n" + "\n".join(sorted(rows, key=_path)) + "\n"
        for tag, rows in sorted(tables.items())
    )
    return "\n".join((_HEAD, *parts))


def _path(row: str) -> str:
    return row.split("|")[2]
