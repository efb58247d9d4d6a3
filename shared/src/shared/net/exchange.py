"""One request and its response over one connection."""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import Final

import httpcore2

from shared.net.body_reader import ACCEPTED_ENCODINGS, BodyReader
from shared.net.connections import Connection
from shared.net.errors import OutboundFailed, OutboundTimeout
from shared.net.headers import response_headers
from shared.net.messages import OutboundLimits, OutboundResponse
from shared.net.redirects import Hop
from shared.tracebacks import clear_tracebacks

_HEADERS_ON_THE_WIRE: Final = 128 * 1024
_FRAMING: Final = 1.25
"""Maximum ratio of a body's wire size to its size, for chunk sizes and the like."""
_HAS_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_SWITCHING: Final = 101


@contextmanager
def translated_errors(limits: OutboundLimits) -> Iterator[None]:
    """Translate network errors to outbound errors. Raises OutboundTimeout, OutboundFailed."""
    try:
        yield
    except httpcore2.ConnectTimeout as error:
        clear_tracebacks(error)
        raise OutboundTimeout(round(limits.connect_seconds * 1000)) from None
    except httpcore2.TimeoutException as error:
        clear_tracebacks(error)
        raise OutboundTimeout(round(limits.idle_seconds * 1000)) from None
    except (httpcore2.NetworkError, httpcore2.ProtocolError, ssl.SSLError) as error:
        clear_tracebacks(error)
        raise OutboundFailed(str(error) or type(error).__name__) from error


async def exchange(hop: Hop, connection: Connection, limits: OutboundLimits) -> OutboundResponse:
    """Send the request and read the response. Raises OutboundFailed, ResponseTooLarge, and the errors of httpcore2."""
    connection.meter.begin(_HEADERS_ON_THE_WIRE)
    async with _response_to(hop, connection, limits) as response:
        headers = response_headers(response.headers, limits)
        reader = BodyReader(headers.get("content-encoding", ""), limits.response_bytes)
        connection.meter.allow_more(round(limits.response_bytes * _FRAMING))
        async with aclosing(response.aiter_stream()) as parts:
            async for part in parts:
                reader.feed(part)
        reason = response.extensions["reason_phrase"].decode("latin-1")
        return OutboundResponse(response.status, reason, str(hop.target), headers, reader.body())


@asynccontextmanager
async def _response_to(hop: Hop, connection: Connection, limits: OutboundLimits) -> AsyncIterator[httpcore2.Response]:
    response = await connection.handle_async_request(_request(hop, limits))
    try:
        if response.status == _SWITCHING:
            raise OutboundFailed("The server switched to another protocol, which is not supported")
        yield response
    finally:
        await response.aclose()


def _request(hop: Hop, limits: OutboundLimits) -> httpcore2.Request:
    scheme, host, port = hop.target.origin
    resource = hop.target.resource.encode()
    headers = {"host": hop.target.authority, "accept-encoding": ACCEPTED_ENCODINGS, **hop.headers}
    if hop.body is not None or hop.method in _HAS_BODY:
        headers["content-length"] = str(len(hop.body or b""))
    return httpcore2.Request(
        hop.method.encode(),
        httpcore2.URL(scheme=scheme.encode(), host=str(host).encode(), port=port, target=resource),
        headers=[(name.encode(), value.encode()) for name, value in headers.items()],
        content=hop.body,
        extensions={"timeout": {"read": limits.idle_seconds, "write": limits.idle_seconds}},
    )
