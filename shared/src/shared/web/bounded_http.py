"""HTTP with bounds on what a client may take its time with: uvicorn's protocol has none before a request is whole.

A head that is not whole in time, or larger than anybody needs, is refused; where a body does not come in time, the
connection is closed. Requests that arrive in one piece, nearly all of them, never set a timer.

An application may listen for the end of the connection (see shared.web.disconnects): waiting for it costs each call a
task.
"""

import asyncio
from functools import partial
from typing import Any, ClassVar, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.web.disconnects import Listener, offer

_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class BoundedHttp(HttpToolsProtocol):
    """One connection. The bounds are the class's own."""

    head_seconds: ClassVar[float] = 15.0
    """From the connection, or a request's first byte, until its head is whole."""
    body_seconds: ClassVar[float] = 60.0
    """From there until its body is."""
    head_bytes: ClassVar[int] = 64 * 1024
    late_seconds: ClassVar[float] = 1.0
    """What a caller has left who was let in, and had said nothing yet when the server stopped letting anybody in."""

    _timer: asyncio.TimerHandle | None = None
    _timer_is_for_body = False
    _has_head = False
    _is_whole = False
    _received = 0
    _was_asked = False
    _is_last = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a first request, but not for ever."""
        super().connection_made(transport)
        self._listeners: set[Listener] = set()
        self._is_lost = False
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing, and tell who listens."""
        self._stop_waiting()
        super().connection_lost(exc)
        self._is_lost = True
        listeners, self._listeners = self._listeners, set()
        for each in tuple(listeners):
            each()

    def data_received(self, data: bytes) -> None:
        """Take what came; if the request is not whole yet, wait for the rest."""
        if not self._has_head:
            self._received += len(data)
        super().data_received(data)
        if self._is_whole:
            self._stop_waiting()
        elif not self._has_head and self._received > self.head_bytes:
            self._refuse(_TOO_LARGE)
        elif self._timer is None or self._timer_is_for_body != self._has_head:
            self._wait()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._is_whole = False
        offer(cast("dict[str, Any]", self.scope), self._listen)

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._has_head = True
        super().on_headers_complete()
        self._was_asked = True
        if self._is_last:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._is_whole, self._has_head, self._received = True, False, 0
        super().on_message_complete()

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

    def _wait(self, seconds: float | None = None) -> None:
        self._stop_waiting()
        self._timer_is_for_body = self._has_head
        usual = self.body_seconds if self._has_head else self.head_seconds
        self._timer = self.loop.call_later(usual if seconds is None else seconds, self._refuse, _TOO_SLOW)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, answer: bytes) -> None:
        self._stop_waiting()
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if not is_answering and self._received:
            self.transport.write(answer)
        self.transport.close()
        if is_answering:
            self.transport.abort()
