"""The page on which people talk to a workflow: three files that hold nothing of any chat; the page asks for its own."""

from functools import cache
from importlib.resources import files
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

_TYPES: Final = {"index.html": "text/html", "page.js": "text/javascript", "page.css": "text/css"}
_HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src https: data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}


def chat_page_router() -> APIRouter:
    """`/chat/{identifier}`, its script and its style."""
    router = APIRouter(prefix="/chat", include_in_schema=False)

    @router.api_route("/{identifier}", methods=["GET", "HEAD"])
    async def page(identifier: str) -> Response:
        return _file("index.html")

    @router.get("/page/page.js")
    async def script() -> Response:
        return _file("page.js")

    @router.get("/page/page.css")
    async def style() -> Response:
        return _file("page.css")

    return router


def _file(name: str) -> Response:
    return Response(_read(name), media_type=_TYPES[name], headers=_HEADERS)


@cache
def _read(name: str) -> bytes:
    return files(__name__).joinpath(name).read_bytes()
