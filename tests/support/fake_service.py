"""A fake service with health and readiness endpoints only, healthy or with given problems."""

import json
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Self

from flowport.servers.ports import LOOPBACK


@dataclass
class FakeService:
    """`with FakeService("gateway", problems=("store: away",)) as service: service.url`."""

    name: str
    problems: tuple[str, ...] = ()
    status: str = ""
    """Readiness body, where it is neither success nor the list of problems."""
    hides: int = 0
    """Status that a proxy before the service answers to readiness checks."""

    def __enter__(self) -> Self:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = service._answer(self.path)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Log nothing."""

        self._server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self._server.daemon_threads = False  # closing waits for the last answer
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Base URL of the service."""
        return f"http://{LOOPBACK}:{self._server.server_port}"

    def _answer(self, path: str) -> tuple[int, bytes]:
        if self.hides and path == "/readyz":
            return self.hides, b"<html>nginx</html>"
        if path == "/api/auth/get-session":
            return 200, b"null"
        if path == "/readyz":
            status = self.status or ("unready" if self.problems else "ready")
            body = {"status": status, "problems": self.problems}
            return (200 if status == "ready" else 503), json.dumps(body).encode()
        return 200, json.dumps({"workspaces": [{"id": "w1"}]}).encode()
