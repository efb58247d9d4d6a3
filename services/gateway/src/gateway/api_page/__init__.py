"""Page to read a workflow's API description, and to try it.

It loads the description with the key that its reader types; the key stays in the page's memory.
"""

from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from gateway.web.console_assets import Page

DOCS_PAGE: Final = Page(__name__)


def docs_page_router() -> APIRouter:
    """Return the script and the style of the page."""
    router = APIRouter(prefix="/api/docs", include_in_schema=False)

    @router.get("/page.js")
    async def script() -> Response:
        return DOCS_PAGE.file("page.js")

    @router.get("/page.css")
    async def style() -> Response:
        return DOCS_PAGE.file("page.css")

    return router
