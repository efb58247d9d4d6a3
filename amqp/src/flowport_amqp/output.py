"""What we write: gathered over one turn of the loop, written by one system call, held back when the peer is slow."""

import asyncio
from typing import Final

GATHER_BYTES: Final = 64 * 1024
"""Beyond this, write at once instead of at the end of the turn."""
WRITE_BUFFER_BYTES: Final = 256 * 1024
"""Beyond this in the transport, the connection is congested."""


class Output:
    """The writing half of one connection."""

    def __init__(self, transport: asyncio.Transport) -> None:
        transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._parts: list[bytes] = []
        self._size = 0
        self._room = asyncio.Event()
        self._room.set()
        self._is_closed = False
        self.was_used = False
        """Whether anything was written since the heart last beat."""

    @property
    def is_congested(self) -> bool:
        """Whether the peer reads more slowly than we write."""
        return not self._room.is_set()

    def write(self, data: bytes) -> None:
        """Send `data` with whatever else this turn of the loop has to send."""
        if not self._parts:
            self._loop.call_soon(self.flush)
        self._parts.append(data)
        self._size += len(data)
        if self._size > GATHER_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hand over what was gathered."""
        if not self._parts or self._is_closed:
            return
        data = b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        self.was_used = True
        self._transport.write(data)

    async def room(self) -> None:
        """Wait until the peer has caught up; the caller sets the time limit."""
        await self._room.wait()

    def pause(self) -> None:
        """The transport's buffer is full."""
        self._room.clear()

    def resume(self) -> None:
        """The transport's buffer has room again."""
        self._room.set()

    def close(self) -> None:
        """Write nothing more, and let nobody wait."""
        self._is_closed = True
        self._parts.clear()
        self._room.set()
