"""The page on which people talk to a workflow."""

from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from gateway.api.pages import Page

_PAGE: Final = Page(__name__, "img-src https: data:")


def chat_page_router() -> APIRouter:
    """`/chat/{identifier}`, its script and its style."""
    router = APIRouter(prefix="/chat", include_in_schema=False)

    @router.api_route("/{identifier}", methods=["GET", "HEAD"])
    async def page(identifier: str) -> Response:
        return _PAGE.file("index.html")

    @router.get("/page/page.js")
    async def script() -> Response:
        return _PAGE.file("page.js")

    @router.get("/page/page.css")
    async def style() -> Response:
        return _PAGE.file("page.css")

    return router
