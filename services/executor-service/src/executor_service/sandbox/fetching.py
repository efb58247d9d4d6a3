"""The only way out of the sandbox: `fetch` asks the parent, and the parent asks a guarded Fetcher."""

from typing import Final, Protocol

import msgspec

FILE_SCHEME: Final = "sim-file:"
"""Begins the URL of a file, its key behind it. `sim.files` of user code asks for these.

The headers `offset` and `length` count bytes, an empty length means all that follow; `accept` is `text` or `base64`.
"""


class FetchRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the user's code asked for, unchecked."""

    url: str
    method: str
    headers: dict[str, str]
    body: str | None
    workspace_id: str


class FetchResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What it gets. Header names are lower case; `body` is the text of at most the fetcher's bound."""

    status: int
    status_text: str
    url: str
    headers: dict[str, str]
    body: str


class FetchFailed(Exception):
    """The request was refused or did not succeed; the text is what the user's code catches."""


class Fetcher(Protocol):
    """Makes one outgoing request of user code, within its own bounds of size and time, never to inner addresses."""

    async def __call__(self, request: FetchRequest) -> FetchResponse:
        """Raises FetchFailed."""


async def no_fetch(request: FetchRequest) -> FetchResponse:
    """A Fetcher that refuses everything."""
    raise FetchFailed("fetch is not available here")
