"""Transport of internal calls: aiohttp's client needs a fifth of the CPU time of httpx2's own transport (ADR 34)."""

from io import BytesIO
from typing import Final

import aiohttp
import httpx2
from yarl import URL

MAX_CONNECTIONS: Final = 100
KEEP_SECONDS: Final = 30.0
"""Shorter than the other side's idle timeout (see shared.web.server)."""
_LARGE_BYTES: Final = 1024 * 1024
_NO_HEADERS_OF_ITS_OWN: Final = ("User-Agent", "Accept", "Accept-Encoding")


class AiohttpTransport(httpx2.AsyncBaseTransport):
    """HTTP/1.1 of one process. Reads whole responses; ignores cookies and the environment's proxies."""

    def __init__(self, *, connect_seconds: float, max_connections: int = MAX_CONNECTIONS) -> None:
        """`connect_seconds` limits the wait for a free connection and the opening of one."""
        self._timeout = aiohttp.ClientTimeout(total=None, connect=connect_seconds)
        self._max_connections = max_connections
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request and return the response with its body. The caller limits the total time.

        Raises httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ReadError, httpx2.LocalProtocolError.
        """
        session = self._session or self._open()
        try:
            async with session.request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=request.headers.multi_items(),
                data=_payload(request.content),
                allow_redirects=False,
            ) as response:
                return httpx2.Response(response.status, content=await response.read())
        except aiohttp.ConnectionTimeoutError:
            raise httpx2.ConnectTimeout("no connection in time") from None
        except aiohttp.ClientConnectorError as error:
            raise httpx2.ConnectError(str(error)) from None
        except aiohttp.ClientError as error:
            raise httpx2.ReadError(str(error) or type(error).__name__) from None
        except ValueError as error:  # a line break in a header
            raise httpx2.LocalProtocolError(str(error)) from None

    async def aclose(self) -> None:
        """Close the connections. A later call opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._max_connections, keepalive_timeout=KEEP_SECONDS),
            timeout=self._timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=_NO_HEADERS_OF_ITS_OWN,
        )
        return self._session


def _payload(body: bytes) -> bytes | BytesIO | None:
    """Return what aiohttp sends in pieces if it is large."""
    return BytesIO(body) if len(body) > _LARGE_BYTES else body or None
