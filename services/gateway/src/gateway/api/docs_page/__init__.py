"""The page to read a workflow's description on, and to try it: three files that hold nothing of any workflow.

The page asks for the description itself, with the key that its reader types; the key stays in the page's memory.
"""

from functools import cache
from importlib.resources import files
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

_TYPES: Final = {"index.html": "text/html", "page.js": "text/javascript", "page.css": "text/css"}
_HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}


def page_file(name: str) -> Response:
    """One of the page's files."""
    return Response(_read(name), media_type=_TYPES[name], headers=_HEADERS)


def docs_page_router() -> APIRouter:
    """The script and the style of the page."""
    router = APIRouter(prefix="/api/docs", include_in_schema=False)

    @router.get("/page.js")
    async def script() -> Response:
        return page_file("page.js")

    @router.get("/page.css")
    async def style() -> Response:
        return page_file("page.css")

    return router


@cache
def _read(name: str) -> bytes:
    return files(__name__).joinpath(name).read_bytes()
