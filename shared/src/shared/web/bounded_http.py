"""HTTP/1 with time limits for slow clients: uvicorn's protocol has none before a request is complete.

A head that is late or too large is refused. The connection closes if a body is late, or if a client stops reading the
response. Requests that arrive in one piece, nearly all of them, never set a timer.

The parser gets a head when all of it has arrived, and then exactly the bytes of its body (see shared.web.http_framing).
A head is therefore measured to the byte, at any position in a segment, and trailers never become headers of their
request. A request that breaks a rule is answered in order, after the requests before it, and the connection closes.

The application gets a request only after the parser has accepted the whole head: llhttp reports some errors after
`on_headers_complete`. If the body of a request turns out to be malformed, its application sees a disconnect.

A response may precede the end of its request: a wrong key is refused immediately. The server then reads and discards
the remaining input before it closes the connection, since a close with unread input would lose the response.

An application may subscribe to disconnects (see shared.web.disconnects): waiting for one costs each call a task.
"""

import asyncio
import re
import weakref
from functools import partial
from typing import Any, ClassVar, Final, cast
from urllib.parse import unquote

from httptools import HttpParserError, HttpRequestParser, parse_url
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from shared.web.disconnects import DisconnectListeners, Listener, provide_subscribe
from shared.web.http10_responses import send_without_chunks
from shared.web.http_framing import (
    HEAD_TOO_SLOW,
    MALFORMED,
    ChunkedBody,
    Framing,
    HeadBuffer,
    Refusal,
    RequestRefused,
    check_head,
)
from shared.web.response_cycle import ResponseCycle
from shared.web.response_writer import ResponseWriter
from shared.web.slow_readers import SlowReaderTimeout

_LINE_BREAK: Final = b"\r\n"
_REQUEST_LINE: Final = re.compile(rb"[A-Z-]+ [^ #]+ HTTP/[0-9]\.[0-9]\r\n")
"""The parser also accepts other protocols (RTSP, ICE), fragments, several spaces, and line feeds before the line."""
_UPGRADE: Final = re.compile(rb"\r\nupgrade:[^\r\n]*", re.IGNORECASE)


class BoundedHttp(HttpToolsProtocol):
    """One connection, with limits as class attributes."""

    head_seconds: ClassVar[float] = 15.0
    """From the connection, or a request's first byte, until its head is complete."""
    body_seconds: ClassVar[float] = 60.0
    """From the end of the head until the body is complete."""
    head_bytes: ClassVar[int] = 64 * 1024
    waiting_requests: ClassVar[int] = 32
    """Pipelined requests that may wait for an earlier response; the rest is not read."""
    linger_seconds: ClassVar[float] = 1.0
    """How long input is discarded after the last response: closing with unread input would lose the response."""
    read_seconds: ClassVar[float] = 60.0
    """How long a client may read nothing of a pending response."""
    late_seconds: ClassVar[float] = 1.0
    """Time for a first request on a connection accepted just before shutdown."""

    _timer: asyncio.TimerHandle | None = None
    _timer_is_for_body = False
    _body: Framing | None = None
    """Rest of the body of the current request; None while no request is incomplete."""
    _framing: Framing | None = None
    """Framing of the body, once the head that the parser is reading has passed the checks."""
    _keeps_alive = False
    _may_begin = False
    """Whether the parser may begin a message: once for each head."""
    _answering: RequestResponseCycle | None = None
    """The request being answered: earlier than `cycle` when requests are pipelined."""
    _is_message_complete = False
    _had_request = False
    _is_last = False
    _idle_since: float | None = None
    """When the last response ended; None after any input."""
    _idle_timer: asyncio.TimerHandle | None = None
    """One timer for many idle times: it continues while requests are answered, and then waits for the rest."""
    _closes_after_body = False
    _ignores_input = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a first request, with a time limit."""
        super().connection_made(transport)
        self._listeners = DisconnectListeners()
        self._slow_reader = SlowReaderTimeout(transport, self.read_seconds)
        self._head = HeadBuffer(self.head_bytes)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timers and notify the disconnect listener."""
        self._stop_timer()
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None
        self._slow_reader.stop()
        super().connection_lost(exc)
        if self._answering is not None:
            _disconnect(self._answering)
        self._listeners.notify()
        self._drop_last_request()

    def data_received(self, data: bytes) -> None:
        """Process input; if a request is incomplete, wait for the rest."""
        if self._ignores_input:
            return
        self._idle_since = None
        start = 0
        while start < len(data) and not (self._ignores_input or self.transport.is_closing()):
            start = self._take_head(data, start) if self._body is None else self._take_body(data, start)
        self._await_input()

    def on_message_begin(self) -> None:
        """Prepare the scope of the request. Raises RequestRefused if the parser finds a second request in one head."""
        if not self._may_begin:
            raise RequestRefused(MALFORMED.status, MALFORMED.message)
        self._may_begin = self._is_message_complete = False
        super().on_message_begin()
        provide_subscribe(cast("dict[str, Any]", self.scope), self._subscribe)

    def on_headers_complete(self) -> None:
        """Check the head; the parser may still refuse it. Raises RequestRefused."""
        if self.parser.should_upgrade():
            raise _UpgradeIgnored
        version, method = self.parser.get_http_version(), self.parser.get_method()
        self._framing = check_head(version, method, self.url, self.headers)
        self._keeps_alive = version != "1.0" and self.parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        """Pass on a part of the body. Raises RequestRefused if the application does not have the request."""
        if self._body is None:
            raise RequestRefused(MALFORMED.status, MALFORMED.message)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Finish the request, unless the parser is still reading its head."""
        self._is_message_complete = True
        if self._body is not None:
            self._finish_request()

    def on_response_complete(self) -> None:
        """Begin the next pipelined request, or the idle time of the connection."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._start_idle_time()

    def pause_writing(self) -> None:
        """Start the read timer: the client reads slower than the server sends."""
        super().pause_writing()
        self._slow_reader.start()

    def resume_writing(self) -> None:
        """Stop the read timer: the client has caught up."""
        self._slow_reader.stop()
        super().resume_writing()

    def shutdown(self) -> None:
        """Answer pending requests, then close. A first request may be in transit."""
        if not (self._had_request or self._listeners.are_notified):
            self._is_last = True
            self._start_timer(self.late_seconds)
        else:
            if self.cycle is not None:
                _writer_of(self.cycle).flush()  # a response to HEAD has no body whose write would flush its head
            super().shutdown()

    def _subscribe(self, listener: Listener) -> Listener:
        if not self._listeners.are_notified:
            self.flow.resume_reading()  # reading stopped for a large body, but only reading detects the end
        return self._listeners.add(listener)

    def _drop_last_request(self) -> None:
        """Drop the last request, whose scope refers back through `_subscribe`: the two are a cycle."""
        self.cycle = self.scope = self._answering = None  # type: ignore[assignment]
        self.pipeline.clear()

    def _start_timer(self, seconds: float | None = None) -> None:
        self._stop_timer()
        self._timer_is_for_body = self._body is not None
        usual = self.body_seconds if self._timer_is_for_body else self.head_seconds
        self._timer = self.loop.call_later(usual if seconds is None else seconds, self._on_timeout)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_timeout(self) -> None:
        if self.pipeline or (self._is_answering and self._body is None):
            self._start_timer()  # an earlier request is being answered: the server delays the next one
        elif self._body is not None:
            self.transport.close()
            if self._is_answering:
                self.transport.abort()
        elif self._head.has_begun:
            self._refuse(HEAD_TOO_SLOW)
        else:
            self.transport.close()

    def _await_input(self) -> None:
        """Set the timer for the missing part of a request."""
        if self._ignores_input:
            return
        has_head = self._body is not None
        if not has_head and not self._head.has_begun:
            if self._is_message_complete and not (self._is_answering or self.transport.is_closing()):
                self._start_idle_time()  # the input began no request
        elif self._timer is None or self._timer_is_for_body != has_head:
            self._start_timer()
            if has_head:
                # Not the response itself, which refers to this connection.
                _writer_of(self.cycle).close_with(partial(self._close_after_body, weakref.ref(self.cycle)))

    def _take_head(self, data: bytes, start: int) -> int:
        """Read the head that begins or continues at `start`; return where it ends, or the end of `data`."""
        if not self._head.has_begun:
            while data.startswith(_LINE_BREAK, start):  # allowed before a request
                start += len(_LINE_BREAK)
            if start == len(data):
                return start
            if len(self.pipeline) >= self.waiting_requests:
                self._close_after(self.cycle)
                return len(data)
        try:
            head, end = self._head.advance(data, start)
        except RequestRefused as error:
            self._refuse(error.refusal)
            return len(data)
        if head is not None:
            self._feed_head(head)
        return end

    def _feed_head(self, head: bytes, *, is_retry: bool = False) -> None:
        """Parse a whole head and, if the parser accepts all of it, pass the request to the application."""
        if _REQUEST_LINE.match(head) is None:
            self._refuse(MALFORMED)
            return
        self._may_begin = True
        try:
            self.parser.feed_data(head)
            framing, self._framing = self._framing, None
            if framing is None or self._is_message_complete != (framing == 0):
                self._refuse(MALFORMED)  # the parser disagrees about where the head or the body ends
            else:
                self._start_request(framing)
        except HttpParserError as error:
            cause = error.__context__
            if isinstance(cause, _UpgradeIgnored) and not is_retry:
                self.parser = HttpRequestParser(self)
                self._feed_head(_UPGRADE.sub(b"", head), is_retry=True)
            else:
                self._refuse(cause.refusal if isinstance(cause, RequestRefused) else MALFORMED)

    def _start_request(self, body: Framing) -> None:
        """Let the application answer the request, in order. Raises HttpParserError for an invalid target."""
        is_old = self.parser.get_http_version() == "1.0"
        self._complete_scope(is_old=is_old)
        previous = self.cycle
        cycle = self.cycle = self._cycle(
            self.scope,
            expect_100_continue=self.expect_100_continue and not is_old,
            keep_alive=self._keeps_alive and not self._is_last,
        )
        if is_old:
            send_without_chunks(cycle)
        self.headers = []  # receives the trailers, which the application never sees
        self._body = body
        self._had_request = True
        if previous is None or previous.response_complete:
            self._start_asgi_task(cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))
        if self._is_message_complete:
            self._finish_request()

    def _complete_scope(self, *, is_old: bool) -> None:
        target = parse_url(self.url)
        path = target.path.decode("ascii")
        scope = self.scope
        scope["method"] = self.parser.get_method().decode("ascii")
        scope["path"] = unquote(path) if "%" in path else path
        scope["raw_path"] = target.path
        scope["query_string"] = target.query or b""
        if is_old:
            scope["http_version"] = "1.0"

    def _cycle(self, scope: Any, *, expect_100_continue: bool, keep_alive: bool) -> ResponseCycle:
        return ResponseCycle(
            scope=scope,
            transport=cast("Any", ResponseWriter(self.transport)),
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=expect_100_continue,
            keep_alive=keep_alive,
            on_response=self.on_response_complete,
        )

    def _finish_request(self) -> None:
        """Mark the body of the request as complete."""
        self._body = None
        self._stop_timer()
        super().on_message_complete()
        if self._closes_after_body:
            self.transport.close()
        elif not self.cycle.keep_alive:
            self._ignores_input = True

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def _take_body(self, data: bytes, start: int) -> int:
        """Read the body that continues at `start`; return where it ends, or the end of `data`."""
        body = self._body
        try:
            if isinstance(body, ChunkedBody):
                end = body.advance(data, start)
                is_over = body.is_complete
            else:
                end = min(len(data), start + (body or 0))
                self._body = (body or 0) - (end - start)
                is_over = self._body == 0
            self.parser.feed_data(data if end - start == len(data) else data[start:end])
        except RequestRefused as error:
            self._refuse(error.refusal)
        except HttpParserError:
            self._refuse(MALFORMED)
        else:
            if is_over != (self._body is None):
                self._refuse(MALFORMED)
            return end
        return len(data)

    def _refuse(self, refusal: Refusal) -> None:
        """Answer the current request with `refusal`, after all earlier ones, and close."""
        self._stop_timer()
        if self._body is not None and not self._withdraw():
            self._ignores_input = True
            self.transport.close()
            return
        previous = self.cycle
        scope = {"type": "http", "method": "GET", "headers": []}
        cycle = self.cycle = self._cycle(scope, expect_100_continue=False, keep_alive=False)
        self._close_after(cycle)
        if self.pipeline or not (previous is None or previous.response_complete or previous.disconnected):
            self.pipeline.appendleft((cycle, cast("Any", refusal)))
        else:
            self._start_asgi_task(cycle, cast("Any", refusal))

    def _withdraw(self) -> bool:
        """Withdraw the unfinished request; return whether it can still get another response."""
        cycle = self.cycle
        if self.pipeline and self.pipeline[0][0] is cycle:
            self.pipeline.popleft()  # an earlier request is still being answered
            return True
        _disconnect(cycle)
        return not cycle.response_started

    def _close_after(self, cycle: RequestResponseCycle) -> None:
        """Stop reading, and close the connection after the response of `cycle`."""
        self._ignores_input = True
        self._stop_timer()
        cycle.keep_alive = False
        _writer_of(cycle).close_with(self._linger)

    def _linger(self) -> None:
        if self.transport.is_closing():
            return
        self.transport.write_eof()
        self._timer = self.loop.call_later(self.linger_seconds, self.transport.close)

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _start_idle_time(self) -> None:
        self._idle_since = self.loop.time()
        if self._idle_timer is None:
            self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._check_idle_time)

    def _check_idle_time(self) -> None:
        self._idle_timer = None
        if self._idle_since is None:
            return
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._idle_timer = self.loop.call_later(left, self._check_idle_time)
        else:
            self.transport.close()

    def _close_after_body(self, answer: weakref.ref[RequestResponseCycle]) -> None:
        cycle = answer()
        if cycle is not None and cycle.more_body and cycle.response_complete:
            self._closes_after_body = True
        else:
            self.transport.close()


def _writer_of(cycle: RequestResponseCycle) -> ResponseWriter:
    """Return the writer of a response, which may precede the end of its request."""
    return cast("ResponseWriter", cycle.transport)


def _disconnect(cycle: RequestResponseCycle) -> None:
    """Let the application of `cycle` see that its caller has disconnected."""
    cycle.disconnected = True
    cycle.message_event.set()


class _UpgradeIgnored(Exception):
    """The request asks for a protocol upgrade: it is served as if it did not, body included."""
