"""An outside HTTP server that counts its calls, and holds answers back as long as a test wants."""

import threading
import time
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

HOLD_SECONDS: Final = 60.0
"""Maximum time for which a call is held."""


class Witness:
    """`GET or POST /<step>/<run>` is counted on arrival. A held call is answered once it is released.

    `answer_seconds` is how long every answer takes.
    """

    def __init__(self, *, answer_seconds: float = 0.0) -> None:
        self._answer_seconds = answer_seconds
        self._times: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        self._gates: dict[str, threading.Event] = {}
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for step in list(self._gates):
            self.let_go(step)
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Address for workflows."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def hold(self, step: str) -> None:
        """Answer no call of this step until `let_go`."""
        self._gates[step] = threading.Event()

    def let_go(self, step: str) -> None:
        """Answer all calls of this step."""
        self._gates.pop(step).set()

    def calls(self, step: str, run: str | None = None) -> int:
        """Return how often a step was called, by one run or by all."""
        with self._lock:
            if run is not None:
                return len(self._times.get((step, run), ()))
            return sum(len(times) for (name, _), times in self._times.items() if name == step)

    def last_call(self, step: str, run: str) -> float:
        """Return when a run last called a step, in Unix time; 0 if it never did."""
        with self._lock:
            return max(self._times.get((step, run), ()), default=0.0)

    def _take(self, path: str) -> None:
        step, _, run = path.strip("/").partition("/")
        with self._lock:
            self._times[step, run].append(time.time())
        time.sleep(self._answer_seconds)
        gate = self._gates.get(step)
        if gate is not None:
            gate.wait(HOLD_SECONDS)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        take = self._take

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("content-length") or 0))
                take(self.path)
                body = b'{"ok":true}'
                try:
                    self.send_response(200)
                    self.send_header("content-type", "application/json")
                    self.send_header("content-length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    self.close_connection = True  # the caller was killed

            do_POST = do_GET  # noqa: N815 - likewise

            def log_message(self, *_: Any) -> None:
                """Log nothing."""

        return Handler
