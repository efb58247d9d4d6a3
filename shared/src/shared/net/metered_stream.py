"""Limits a server's total output: headers, framing and body alike, so that none can be endless."""

import ssl
from typing import Any, Final

import httpcore2

from shared.net.errors import ResponseTooLarge

_PORTION: Final = 16 * 1024
"""Bytes per read: small enough that reading does not delay others long."""


class MeteredStream(httpcore2.AsyncNetworkStream):
    """A stream that limits the bytes of one response."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream) -> None:
        self.received = 0
        self._allowed = 0
        self._stream = stream

    def begin(self, allowed: int) -> None:
        """Restart the count, with a limit of about `allowed` bytes."""
        self.received, self._allowed = 0, allowed

    def allow_more(self, more: int) -> None:
        """Raise the limit."""
        self._allowed += more

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 as httpcore2 has it
        """Read. Raises ResponseTooLarge beyond the limit."""
        if self.received >= self._allowed:
            raise ResponseTooLarge("Response is too large")
        received = await self._stream.read(min(max_bytes, _PORTION), timeout)
        self.received += len(received)
        return received

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 as httpcore2 has it
        """Write, uncounted."""
        await self._stream.write(buffer, timeout)

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 as httpcore2 has it
    ) -> httpcore2.AsyncNetworkStream:
        """Return the encrypted stream, with this stream's limit."""
        secured = MeteredStream(await self._stream.start_tls(ssl_context, server_hostname, timeout))
        secured.begin(self._allowed)
        return secured

    async def aclose(self) -> None:
        """Close the socket."""
        await self._stream.aclose()

    def get_extra_info(self, info: str) -> Any:
        """Return the inner stream's value."""
        return self._stream.get_extra_info(info)
