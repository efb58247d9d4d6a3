"""A connection that serves one exchange after the other."""

import asyncio
import socket
import ssl
from traceback import clear_frames
from typing import Final

from aiohappyeyeballs import start_connection

from shared.http1.exchange import Exchange

NEXT_ADDRESS_SECONDS: Final = 0.25
"""As in RFC 8305: an unresponsive address must not delay the others."""


class Connection(asyncio.Protocol):
    """An open connection with a single user."""

    is_open = False
    _transport: asyncio.Transport
    _exchange: Exchange | None = None
    _expiry: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Store the transport."""
        self._transport, self.is_open = transport, True

    def connection_lost(self, exc: Exception | None) -> None:
        """End the current exchange."""
        self.is_open = False
        self._stop_waiting()
        if self._exchange is not None:
            self._exchange.connection_lost(exc)
            self._exchange.end()

    def data_received(self, data: bytes) -> None:
        """Feed the response parser; close on input before a request, which would be read as its response."""
        if self._exchange is None:
            self.close()
        else:
            self._exchange.feed(data)

    def send(self, request: bytes) -> Exchange:
        """Send a request and return its exchange."""
        self._stop_waiting()
        self._exchange = Exchange(self._transport)
        self._transport.write(request)
        return self._exchange

    def keep_alive(self, seconds: float) -> bool:
        """Wait `seconds` for another request, unless the last response closes the connection; return whether it waits.

        It does not wait if unread data has paused reading: it would receive no further response.
        """
        last = self._exchange
        if not self.is_open or last is None or not last.is_reusable or last.is_paused:
            self.close()
            return False
        last.end()
        self._exchange = None
        self._expiry = asyncio.get_running_loop().call_later(seconds, self.close)
        return True

    def close(self) -> None:
        """Close immediately, discarding pending input."""
        self.is_open = False
        self._stop_waiting()
        self._transport.abort()

    def _stop_waiting(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None


async def connect(host: str, port: int, tls: ssl.SSLContext | None) -> Connection:
    """Open a connection to the first address of the host that answers. Raises OSError."""
    loop = asyncio.get_running_loop()
    addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    try:
        opened = await start_connection(addresses, happy_eyeballs_delay=NEXT_ADDRESS_SECONDS)
    except OSError as error:
        clear_frames(error.__traceback__)  # they refer to the error, and through their callers to the request
        raise
    try:
        _, connection = await loop.create_connection(
            Connection, sock=opened, ssl=tls, server_hostname=host if tls else None
        )
    except BaseException:
        opened.close()
        raise
    return connection
