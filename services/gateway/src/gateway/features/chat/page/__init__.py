"""Page on which visitors chat with a workflow."""

from typing import Final

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from gateway.http.console_assets import ConsoleFiles
from gateway.http.pages import Page

_PAGE: Final = Page(__name__, "img-src https: data:")


def chat_page_router(files: ConsoleFiles) -> APIRouter:
    """Return `/chat/{identifier}`, its scripts and its style. `files` may have the script that renders Markdown."""
    router = APIRouter(prefix="/chat", include_in_schema=False)

    @router.api_route("/{identifier}", methods=["GET", "HEAD"])
    async def page(identifier: str) -> Response:
        return _PAGE.file("index.html")

    @router.get("/page/page.js")
    async def script() -> Response:
        return _PAGE.file("page.js")

    @router.get("/page/markdown.js")
    async def markdown() -> Response:
        if (name := files.hashed_name("chat-markdown")) is None:
            raise HTTPException(404)
        return RedirectResponse(f"/{name}", headers={"cache-control": "no-cache"})

    @router.get("/page/page.css")
    async def style() -> Response:
        return _PAGE.file("page.css")

    return router
