"""Static pages outside the console: three files without private data; their scripts load what they show."""

from functools import cache
from importlib.resources import files
from typing import Final

from starlette.responses import Response

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
        return Response(_read(self._package, name), media_type=_TYPES[name], headers=self._headers)


@cache
def _read(package: str, name: str) -> bytes:
    return files(package).joinpath(name).read_bytes()
