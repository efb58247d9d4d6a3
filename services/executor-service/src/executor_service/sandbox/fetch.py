"""`fetch` of user code, the only outgoing channel of the sandbox. The parent makes the request through a Fetcher."""

from typing import Final, Protocol

import msgspec

FILE_SCHEME: Final = "sim-file:"
"""URL scheme of files, followed by the key; used by `sim.files` of user code.

The headers `offset` and `length` count bytes, an empty length means the rest; `accept` is `text` or `base64`.
"""


class FetchRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Request of user code, unchecked."""

    url: str
    method: str
    headers: dict[str, str]
    body: str | None
    workspace_id: str


class FetchResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Response for user code. Header names are lower case; `body` is read as UTF-8; the fetcher bounds it."""

    status: int
    status_text: str
    url: str
    headers: dict[str, str]
    body: bytes


class FetchFailed(Exception):
    """The request was refused or failed; user code catches the text."""


class Fetcher(Protocol):
    """Makes one outgoing request of user code, within its bounds of size and time, never to internal addresses."""

    async def __call__(self, request: FetchRequest) -> FetchResponse:
        """Raises FetchFailed."""


async def no_fetch(request: FetchRequest) -> FetchResponse:
    """Refuse every request."""
    raise FetchFailed("fetch is not available here")
