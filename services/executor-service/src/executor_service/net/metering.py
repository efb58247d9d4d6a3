"""Counts what a server sends: headers, framing and body alike, so that none of them can go on for ever."""

import ssl
from typing import Any

import httpcore2

from executor_service.net.errors import ResponseTooLarge


class Meter:
    """What one response has taken of what it may."""

    def __init__(self) -> None:
        self.received = 0
        self._allowed = 0

    def begin(self, allowed: int) -> None:
        """Count anew, up to about `allowed` bytes."""
        self.received, self._allowed = 0, allowed

    def allow_more(self, more: int) -> None:
        """Raise the bound."""
        self._allowed += more

    def check(self) -> None:
        """Raises ResponseTooLarge when nothing more may be read."""
        if self.received >= self._allowed:
            raise ResponseTooLarge("Response is too large")


class MeteredStream(httpcore2.AsyncNetworkStream):
    """A stream that is counted."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream, meter: Meter) -> None:
        self._stream = stream
        self._meter = meter

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 as httpcore2 has it
        """Raises ResponseTooLarge."""
        self._meter.check()
        received = await self._stream.read(max_bytes, timeout)
        self._meter.received += len(received)
        return received

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 as httpcore2 has it
        """Not counted."""
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        """Let go of the socket."""
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 as httpcore2 has it
    ) -> httpcore2.AsyncNetworkStream:
        """What is counted from here on is what was encrypted."""
        return MeteredStream(await self._stream.start_tls(ssl_context, server_hostname, timeout), self._meter)

    def get_extra_info(self, info: str) -> Any:
        """As the stream inside."""
        return self._stream.get_extra_info(info)
