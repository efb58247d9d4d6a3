"""Page on which visitors chat with a workflow."""

from typing import Final

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from gateway.web.console_assets import ConsoleFiles, Page

_PAGE: Final = Page(__name__, "img-src https: data:", "font-src 'self'")
_FONT: Final = "geist-latin-wght-normal"


def chat_page_router(files: ConsoleFiles) -> APIRouter:
    """Return `/chat/{identifier}`, its scripts, style and font. `files` may have the Markdown script and the font."""
    router = APIRouter(prefix="/chat", include_in_schema=False)

    @router.api_route("/{identifier}", methods=["GET", "HEAD"])
    async def page(identifier: str) -> Response:
        return _PAGE.file("index.html")

    @router.get("/page/page.js")
    async def script() -> Response:
        return _PAGE.file("page.js")

    @router.get("/page/markdown.js")
    async def markdown() -> Response:
        return _redirect(files.hashed_name("chat-markdown"))

    @router.get("/page/font.woff2")
    async def font() -> Response:
        return _redirect(files.hashed_name(_FONT, "woff2"))

    @router.get("/page/page.css")
    async def style() -> Response:
        return _PAGE.file("page.css")

    return router


def _redirect(name: str | None) -> Response:
    """Return a redirect to a file of the console. Raises 404 if it was not built."""
    if name is None:
        raise HTTPException(404)
    return RedirectResponse(f"/{name}", headers={"cache-control": "no-cache"})
