"""Outbound requests, responses and their limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class OutboundRequest:
    """One call. `timeout_seconds` covers everything: waiting for a connection, redirects, the body.

    Calls of one workspace may share connections; different workspaces never do.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    timeout_seconds: float = 300.0
    workspace_id: str = ""
    keeps_method: bool = False
    """Return a redirect that would change it to a bodyless GET, instead of following it."""


@dataclass(frozen=True, slots=True)
class OutboundResponse:
    """A decompressed response. Header names are lower case, values of one name are joined by a comma.

    `url` is the final URL, without user and password; `reason` is the server's status text.
    """

    status: int
    reason: str
    url: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class OutboundLimits:
    """Limits per call, and for the client as a whole. Sizes are in bytes."""

    request_bytes: int = 10 * MEBIBYTE
    response_bytes: int = 10 * MEBIBYTE
    header_bytes: int = 64 * 1024
    headers: int = 256
    redirects: int = 10
    connect_seconds: float = 10.0
    idle_seconds: float = 300.0
    """Longest pause within a response."""
    connections: int = 256
    """Concurrent calls. One workspace has at most half of them."""
    idle_connections: int = 64
    keep_seconds: float = 4.0
    """Idle time before a connection closes. Common servers close theirs after five seconds."""
