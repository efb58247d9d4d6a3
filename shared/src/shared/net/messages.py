"""A call and its answer, and the bounds of both."""

from collections.abc import Mapping
from dataclasses import dataclass, field

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class OutboundRequest:
    """One call. `timeout_seconds` is for all of it: waiting for a connection, redirects, the body.

    Calls of one workspace may share connections; calls of two never do.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    timeout_seconds: float = 300.0
    workspace_id: str = ""
    keeps_method: bool = False
    """A redirect that would make a GET of it, without its body, is not followed: it is the answer."""


@dataclass(frozen=True, slots=True)
class OutboundResponse:
    """What came back, decompressed. Header names are lower case, values of one name are joined by a comma.

    `url` is where the last redirect led, without user and password; `reason` is the server's status text.
    """

    status: int
    reason: str
    url: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class OutboundLimits:
    """Bounds of every call, and of the client as a whole. Sizes are in bytes."""

    request_bytes: int = 10 * MEBIBYTE
    response_bytes: int = 10 * MEBIBYTE
    header_bytes: int = 64 * 1024
    headers: int = 256
    redirects: int = 10
    connect_seconds: float = 10.0
    idle_seconds: float = 300.0
    """The longest silence of a server that is answering."""
    connections: int = 256
    """Calls under way. One workspace has half of them at most."""
    kept_connections: int = 64
    keep_seconds: float = 4.0
    """How long an unused connection is kept. Common servers close theirs after five."""
