"""Time limit for clients that stop reading a response."""

import asyncio
import fcntl
import sys
import termios


class SlowReaderTimeout:
    """Timer that aborts a connection if the client reads nothing of a pending response for `seconds`."""

    def __init__(self, transport: asyncio.Transport, seconds: float) -> None:
        self._transport = transport
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Start the timer: the client reads slower than the server sends."""
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._check, self._unread())

    def stop(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self, unread: int) -> None:
        if self._unread() < unread:
            self.start()
        else:
            self._transport.abort()

    def _unread(self) -> int:
        """Return the bytes not yet sent by this process and the kernel.

        The kernel accepts more only after it has sent much of its buffer. The bytes in this process alone would not
        show that a slow client still reads.
        """
        queued = fcntl.ioctl(self._transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4))
        return self._transport.get_write_buffer_size() + int.from_bytes(queued, sys.byteorder)
