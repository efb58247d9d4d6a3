"""Transport of one response, as uvicorn's response cycle uses it."""

import asyncio
from collections.abc import Callable


class ResponseWriter:
    """Sends the head of a response together with the first part of its body.

    uvicorn writes them separately, and uvloop passes each write to the kernel immediately: that is one more system
    call, and wakes the client twice. The head of a stream without events leaves with the next event-loop turn; that of
    a response with a length waits for the body.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""
        self._has_begun = False
        self._close: Callable[[], None] = transport.close
        self.is_closing = transport.is_closing

    def close_with(self, close: Callable[[], None]) -> None:
        """Call `close` instead of closing the transport."""
        self._close = close

    def delay(self, head: bytes) -> None:
        """Send `head` with the body, which follows."""
        self._has_begun, self._head = True, head

    def write(self, data: bytes) -> None:
        """Send `data`, or delay it if it is the head."""
        if self._head:
            head, self._head = self._head, b""
            self._transport.writelines((head, data) if data else (head,))
        elif self._has_begun:
            self._transport.write(data)
        else:
            self._has_begun = True
            self._head = data
            asyncio.get_running_loop().call_soon(self.flush)

    def close(self) -> None:
        """Send everything, and close the connection."""
        self.flush()
        self._close()

    def flush(self) -> None:
        """Send a delayed head now."""
        if self._head and not self._transport.is_closing():
            self.write(b"")
