"""HTTP with bounds on what a client may take its time with: uvicorn's protocol has none before a request is whole.

A head that is not whole in time, or larger than anybody needs, is refused; where a body does not come in time, the
connection is closed, and so is one whose caller takes nothing of an answer. Requests that arrive in one piece, nearly
all of them, never set a timer.

An answer may come before the request is whole: a wrong key is told so at once. What the caller still sends is heard
out and thrown away before such a connection is closed, else the network would throw the answer away with it.

An application may listen for the end of the connection (see shared.web.disconnects): waiting for it costs each call a
task.
"""

import asyncio
import fcntl
import sys
import termios
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from shared.web.disconnects import Listener, offer
from shared.web.unframed import send_unframed

_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class BoundedHttp(HttpToolsProtocol):
    """One connection. The bounds are the class's own."""

    head_seconds: ClassVar[float] = 15.0
    """From the connection, or a request's first byte, until its head is whole."""
    body_seconds: ClassVar[float] = 60.0
    """From there until its body is."""
    head_bytes: ClassVar[int] = 64 * 1024
    read_seconds: ClassVar[float] = 60.0
    """How long a caller may take nothing of what waits to be sent."""
    late_seconds: ClassVar[float] = 1.0
    """What a caller has left who was let in, and had said nothing yet when the server stopped letting anybody in."""

    _timer: asyncio.TimerHandle | None = None
    _timer_is_for_body = False
    _has_head = False
    _is_whole = False
    _received = 0
    _was_asked = False
    _is_last = False
    _is_parting = False
    _unread_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a first request, but not for ever."""
        super().connection_made(transport)
        self._listeners: set[Listener] = set()
        self._is_lost = False
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing, and tell who listens."""
        self._stop_waiting()
        self._stop_watching()
        super().connection_lost(exc)
        self._is_lost = True
        listeners, self._listeners = self._listeners, set()
        for each in tuple(listeners):
            each()
        self._forget()

    def data_received(self, data: bytes) -> None:
        """Take what came; if the request is not whole yet, wait for the rest."""
        if not self._has_head:
            self._received += len(data)
        super().data_received(data)
        if self._is_whole:
            self._rest()
        elif not self._has_head and self._received > self.head_bytes:
            self._refuse(_TOO_LARGE)
        elif self._timer is None or self._timer_is_for_body != self._has_head:
            self._wait()
            if self._has_head:
                # Not the answer itself, which holds this in turn.
                part = partial(self._part, weakref.ref(self.cycle))
                self.cycle.transport = cast("Any", _HearingOut(self.transport, part))

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._is_whole = False
        offer(cast("dict[str, Any]", self.scope), self._listen)

    def on_headers_complete(self) -> None:
        """The head is whole. Who was told that the connection closes asks nothing more."""
        self._has_head = True
        if self._is_parting:
            return
        super().on_headers_complete()
        self._was_asked = True
        if self.scope["http_version"] == "1.0":
            send_unframed(self.cycle)
        if self._is_last:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._is_whole, self._has_head, self._received = True, False, 0
        self._stop_waiting()
        super().on_message_complete()
        if self._is_parting:
            self.transport.close()

    def pause_writing(self) -> None:
        """The caller is slower than what he is sent."""
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        """He has caught up."""
        self._stop_watching()
        super().resume_writing()

    def shutdown(self) -> None:
        """Answer what is asked by now, and then close. A first request may be on its way."""
        if not (self._was_asked or self._is_lost):
            self._is_last = True
            self._wait(self.late_seconds)
        else:
            super().shutdown()

    def _listen(self, listener: Listener) -> Listener:
        if self._is_lost:
            listener()
        else:
            self._listeners.add(listener)
            self.flow.resume_reading()  # a large body stopped it, and the end is only seen by reading
        return partial(self._listeners.discard, listener)

    def _forget(self) -> None:
        """Let go of the last request, which knows by `_listen` whose it was: else only a collection frees them both."""
        self.cycle = self.scope = None  # type: ignore[assignment]
        self.pipeline.clear()

    def _wait(self, seconds: float | None = None) -> None:
        self._stop_waiting()
        self._timer_is_for_body = self._has_head
        usual = self.body_seconds if self._has_head else self.head_seconds
        self._timer = self.loop.call_later(usual if seconds is None else seconds, self._too_slow)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        if self.pipeline or (self._is_answering and not self._has_head):
            self._wait()  # an earlier request is being answered: it is we who let the next one wait
        else:
            self._refuse(_TOO_SLOW)

    def _refuse(self, answer: bytes) -> None:
        self._stop_waiting()
        is_answering = self._is_answering
        if not (is_answering or self._has_head) and self._received:
            self.transport.write(answer)
        self.transport.close()
        if is_answering:
            self.transport.abort()

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _rest(self) -> None:
        """uvicorn stops its timer for whatever comes in; what begins no request must not end it for ever."""
        if self.timeout_keep_alive_task is None and not (self._is_answering or self.transport.is_closing()):
            seconds = self.timeout_keep_alive
            self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _part(self, answer: weakref.ref[RequestResponseCycle]) -> None:
        cycle = answer()
        if cycle is not None and cycle.more_body and cycle.response_complete:
            self._is_parting = True
        else:
            self.transport.close()

    def _watch(self) -> None:
        self._unread_timer = self.loop.call_later(self.read_seconds, self._look_at_reader, self._unread())

    def _look_at_reader(self, unread: int) -> None:
        if self._unread() < unread:
            self._watch()
        else:
            self.transport.abort()

    def _unread(self) -> int:
        """What waits here, and what waits in the kernel: it takes more from us only when much of that is gone."""
        queued = fcntl.ioctl(self.transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4))
        return self.transport.get_write_buffer_size() + int.from_bytes(queued, sys.byteorder)

    def _stop_watching(self) -> None:
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None


class _HearingOut:
    """The transport of an answer that may come before its request is whole: `close` says that it is the last one."""

    def __init__(self, transport: asyncio.Transport, close: Callable[[], None]) -> None:
        self.write = transport.write
        self.is_closing = transport.is_closing
        self.close = close
