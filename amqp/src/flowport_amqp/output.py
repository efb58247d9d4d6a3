"""Output buffer of a connection: one write per turn of the event loop, and backpressure."""

import asyncio
from typing import Final

GATHER_BYTES: Final = 64 * 1024
"""Buffer size above which data is written before the end of the turn."""
WRITE_BUFFER_BYTES: Final = 256 * 1024
"""Size of the transport's buffer above which the connection is congested."""


class Output:
    """Output buffer of one connection."""

    def __init__(self, transport: asyncio.Transport) -> None:
        transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._parts: list[bytes] = []
        self._size = 0
        self._is_writable = asyncio.Event()
        self._is_writable.set()
        self._is_closed = False
        self.was_used = False
        """Whether data was written since the last heartbeat tick."""

    @property
    def is_congested(self) -> bool:
        """Return whether the peer reads more slowly than this client writes."""
        return not self._is_writable.is_set()

    def write(self, data: bytes) -> None:
        """Write `data` together with other data of this turn."""
        if not self._parts:
            self._loop.call_soon(self.flush)
        self._parts.append(data)
        self._size += len(data)
        if self._size > GATHER_BYTES:
            self.flush()

    def flush(self) -> None:
        """Pass buffered data to the transport."""
        if not self._parts or self._is_closed:
            return
        data = b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        self.was_used = True
        self._transport.write(data)

    async def wait_until_writable(self) -> None:
        """Wait until the connection is not congested. The caller sets the timeout."""
        await self._is_writable.wait()

    def pause(self) -> None:
        """Pause writers: the transport's buffer is full."""
        self._is_writable.clear()

    def resume(self) -> None:
        """Resume writers."""
        self._is_writable.set()

    def close(self) -> None:
        """Discard buffered data and release waiting writers."""
        self._is_closed = True
        self._parts.clear()
        self._is_writable.set()
