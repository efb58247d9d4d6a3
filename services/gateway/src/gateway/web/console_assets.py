"""Console files built into `gateway/console_files`, and the addresses of its pages.

Page addresses are listed here, so that no future API path is served as a page. The console answers mistyped addresses
in a browser, with 404; programs never get a page.
"""

import gzip
import mimetypes
import os
import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

FOLDER: Final = Path(__file__).parents[1] / "console_files"


PAGES: Final = (
    "/workflows/{rest:path}",
    "/runs",
    "/runs/{rest:path}",
    "/resume/{rest:path}",
    "/settings",
    "/settings/{rest:path}",
    "/invite",
)


HELP_INDEX: Final = "README"


HELP_PAGE: Final = re.compile(r"[\w-]+(/[\w.-]*\w)*", re.ASCII)
"""Path of a page below docs/, without its suffix."""


NO_PAGES: Final = (
    "api",
    "v1",
    "schemas",
    "assets",
    "chat",
    "metrics",
    "healthz",
    "readyz",
    "openapi.json",
    ".well-known",
)
"""Path prefixes of programs, or of pages outside the console."""


INDEX: Final = "index.html"


DOCS: Final = "docs.html"
"""API reference: a viewer of /openapi.json."""


COMPRESSIBLE: Final = ("text/", "application/javascript", "application/json", "image/svg+xml")


MAX_FILES: Final = 1000


IMMUTABLE: Final = "public, max-age=31536000, immutable"
"""For names that carry a hash of the content."""


POLICY: Final = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)


DOCS_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "vary": "Accept-Encoding",
}


class ConsoleFiles:
    """Files below `folder`, listed at construction; empty if the console was not built."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._paths = dict(_files(folder))
        self._read = lru_cache(maxsize=MAX_FILES)(_read)

    @property
    def is_built(self) -> bool:
        """Return whether the console was built."""
        return INDEX in self._paths

    def top_level_files(self) -> list[str]:
        """Return the files next to the page, such as its icon."""
        return [name for name in self._paths if "/" not in name and name not in (INDEX, DOCS)]

    @property
    def has_docs(self) -> bool:
        """Return whether the API reference was built."""
        return DOCS in self._paths

    def hashed_name(self, entry: str, suffix: str = "js") -> str | None:
        """Return the hashed name of the script or other file built from `entry`, None if missing."""
        pattern = re.compile(rf"assets/{entry}-[\w-]{{8}}\.{suffix}")
        return next((name for name in self._paths if pattern.fullmatch(name)), None)

    async def answer(self, name: str, request: Request, status: int = 200) -> Response:
        """Return the file `name`, compressed if accepted; 404 if it does not exist."""
        if name not in self._paths:
            return _not_found()
        media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        compressed = media_type.startswith(COMPRESSIBLE) and "gzip" in request.headers.get("accept-encoding", "")
        headers = {**HEADERS, "cache-control": IMMUTABLE if name.startswith("assets/") else "no-cache"}
        if compressed:
            headers["content-encoding"] = "gzip"
        try:
            content = self._read(self._paths[name], compressed=compressed)
        except FileNotFoundError:  # rebuilt while the process runs
            return _not_found()
        return Response(content, status, media_type=media_type, headers=headers)

    async def docs(self, request: Request) -> Response:
        """Return the API reference. Its policy is stricter than the console's."""
        answer = await self.answer(DOCS, request)
        answer.headers["content-security-policy"] = DOCS_POLICY
        return answer

    async def page(self, request: Request) -> Response:
        """Return the single page, whose script selects the view."""
        return await self.answer(INDEX, request)

    def is_unknown_page(self, request: Request) -> bool:
        """Return whether a browser requests a page that does not exist."""
        is_page_request = request.method in ("GET", "HEAD") and "text/html" in request.headers.get("accept", "")
        return self.is_built and is_page_request and request.url.path.split("/")[1] not in NO_PAGES

    async def not_found_page(self, request: Request) -> Response:
        """Return the page with status 404."""
        return await self.answer(INDEX, request, status=404)


def console_router(files: ConsoleFiles, docs_url: str = "") -> APIRouter:
    """Return routes of pages and files; none if the console was not built.

    `docs_url` is the address of a documentation site that replaces the help pages of the console.
    """
    router = APIRouter(include_in_schema=False)
    if not files.is_built:
        return router
    for path in PAGES:
        router.add_api_route(path, files.page, methods=["GET", "HEAD"])

    async def help_page(request: Request) -> Response:
        page = request.path_params.get("page") or HELP_INDEX
        if docs_url and HELP_PAGE.fullmatch(page):
            return RedirectResponse(f"{docs_url}/docs/{page}.html")
        return await files.page(request)

    for path in ("/help", "/help/{page:path}"):
        router.add_api_route(path, help_page, methods=["GET", "HEAD"])

    if files.has_docs:
        router.add_api_route("/docs", files.docs, methods=["GET", "HEAD"])

    @router.api_route("/assets/{name}", methods=["GET", "HEAD"])
    async def asset(name: str, request: Request) -> Response:
        return await files.answer(f"assets/{name}", request)

    for name in files.top_level_files():
        router.add_api_route(f"/{name}", partial(files.answer, name), methods=["GET", "HEAD"])
    return router


def _not_found() -> Response:
    return Response("Not found", status_code=404, media_type="text/plain")


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the name and the path of each file below a folder. Path.rglob takes three times as long."""
    for parent, _, names in os.walk(folder):
        prefix = Path(parent).relative_to(folder).as_posix() + "/"
        for name in names:
            yield f"{prefix}{name}".removeprefix("./"), Path(parent, name)


def _read(file: Path, *, compressed: bool) -> bytes:
    content = file.read_bytes()
    return gzip.compress(content) if compressed else content


_TYPES: Final = {"index.html": "text/html", "page.js": "text/javascript", "page.css": "text/css"}


class Page:
    """Files in `package`. The page runs only its own script; `may` lists its other permissions."""

    def __init__(self, package: str, *may: str) -> None:
        self._package = package
        allowed = ("script-src 'self'", "style-src 'self'", "connect-src 'self'", *may)
        refused = ("base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'")
        self._headers = {
            "content-security-policy": "; ".join(("default-src 'none'", *allowed, *refused)),
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cache-control": "no-cache",
        }

    def file(self, name: str) -> Response:
        """Return `index.html`, `page.js` or `page.css`."""
        return Response(_read_page(self._package, name), media_type=_TYPES[name], headers=self._headers)


@cache
def _read_page(package: str, name: str) -> bytes:
    return files(package).joinpath(name).read_bytes()
