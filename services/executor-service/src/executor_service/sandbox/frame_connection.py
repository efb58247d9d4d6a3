"""Connection to a jailed process: frames of four bytes of length, then that many bytes."""

import asyncio
import socket
import struct
from typing import Self, cast

_LENGTH = struct.Struct(">I")
_READ_AHEAD_BYTES = 1 << 16


class FrameTooLarge(Exception):
    """The announced size of a frame exceeds the limit."""


class FrameConnection(asyncio.Protocol):
    """Sends and receives frames, one receiver at a time.

    Unlike a stream, it takes a frame that arrives as a whole in one step, and reads ahead only a little while nothing
    waits for a frame. A lost connection raises ConnectionError.
    """

    def __init__(self, max_frame: int) -> None:
        self._max_frame = max_frame
        self._received = bytearray()
        self._arrival: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._is_paused = False
        self._is_lost = False
        self._transport: asyncio.Transport

    @classmethod
    async def open(cls, connected: socket.socket, max_frame: int) -> Self:
        """Take over a connected socket."""
        _, connection = await asyncio.get_running_loop().create_unix_connection(lambda: cls(max_frame), sock=connected)
        return connection

    async def send(self, frame: bytes) -> None:
        """Send a frame, and wait while earlier ones fill the buffers."""
        self._check()
        self._transport.write(_LENGTH.pack(len(frame)) + frame)
        if self._writable is not None:
            await asyncio.shield(self._writable)
            self._check()

    async def receive(self) -> bytes:
        """Return the next frame. Raises FrameTooLarge."""
        while (frame := self._take_frame()) is None:
            self._check()
            self._arrival = asyncio.get_running_loop().create_future()
            self._continue_reading()
            try:
                await self._arrival
            finally:
                self._arrival = None
        return frame

    def abort(self) -> None:
        """Close the connection immediately, idempotently."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._arrival is None:
            if len(self._received) > _READ_AHEAD_BYTES and not self._is_paused:
                self._is_paused = True
                self._transport.pause_reading()
        elif self._is_ready():
            _resolve(self._arrival)

    def pause_writing(self) -> None:
        self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._writable is not None:
            _resolve(self._writable)
            self._writable = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_lost = True
        if self._arrival is not None:
            _resolve(self._arrival)
        self.resume_writing()

    def _is_ready(self) -> bool:
        """Return whether a frame has arrived, or is known to be too large."""
        if len(self._received) < _LENGTH.size:
            return False
        size = self._size()
        return size > self._max_frame or len(self._received) >= _LENGTH.size + size

    def _size(self) -> int:
        """Return the size of the first frame. It must have arrived."""
        return int(_LENGTH.unpack_from(self._received)[0])

    def _take_frame(self) -> bytes | None:
        if not self._is_ready():
            return None
        if self._size() > self._max_frame:
            raise FrameTooLarge
        end = _LENGTH.size + self._size()
        frame = bytes(memoryview(self._received)[_LENGTH.size : end])
        del self._received[:end]
        return frame

    def _continue_reading(self) -> None:
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()

    def _check(self) -> None:
        if self._is_lost or self._transport.is_closing():
            raise ConnectionResetError("the process has closed its connection")


def _resolve(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
