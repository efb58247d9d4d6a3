"""Runs a service's application as a process."""

import asyncio
import sys
from collections.abc import Callable
from socket import socket
from typing import Final

import uvicorn
from fastapi import FastAPI

from shared.garbage_collection import raise_gc_threshold
from shared.observe.logging import configure_logging, get_logger
from shared.observe.spans import configure_tracing
from shared.settings import CommonSettings
from shared.web.bounded_http import BoundedHttp
from shared.web.startup import Startup

log = get_logger("server")

START_FAILED: Final = 3
"""Exit code of a process that cannot start, also uvicorn's."""

KEEP_ALIVE_SECONDS: Final = 75
"""How long an idle connection stays open.

Longer than in callers and proxies (nginx: 60 s), so that none is closed while a request is being sent on it.
"""


def serve(app: FastAPI, settings: CommonSettings, *, port: int) -> None:
    """Serve `app` until SIGTERM or Ctrl-C.

    If its broker or store is unavailable at the start, it is not ready until they are. On the signal it reports that it
    is draining for the notice time, while still serving; after that it refuses new requests, and active ones get the
    drain time. When that begins, the callbacks in `app.state.on_drain` are called.
    """
    configure_logging(level=settings.log_level, form=settings.log_format)
    stop_tracing = configure_tracing(app.title, endpoint=settings.tracing_endpoint, ratio=settings.tracing_ratio)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=port,
        loop="uvloop",
        http=BoundedHttp,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # a gateway setting decides which proxies to trust
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=int(settings.drain_seconds),
    )
    server = _DrainingServer(config, app, notice_seconds=settings.drain_notice_seconds, on_exit=stop_tracing)
    startup: Startup = app.state.startup
    startup.wait_for_dependencies(on_failure=server.stop)
    try:
        server.run()
    finally:
        if startup.failure:  # logged last, where operators look first
            log.error("service_start_failed", reason=startup.failure)
    if startup.failure:
        sys.exit(START_FAILED)


class _DrainingServer(uvicorn.Server):
    """Calls `on_exit` itself: uvicorn ends the process with the signal it received, and does not return."""

    def __init__(
        self, config: uvicorn.Config, app: FastAPI, *, notice_seconds: float, on_exit: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._state = app.state
        self._notice_seconds = notice_seconds
        self._at_the_end = on_exit

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Accept requests."""
        await super().startup(sockets)
        raise_gc_threshold()

    def stop(self) -> None:
        """Stop serving."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Send callers elsewhere, refuse new requests, and wait for active ones."""
        self._state.is_draining = True
        self._close_after_response()
        await asyncio.sleep(self._notice_seconds)
        on_drain = getattr(self._state, "on_drain", None)
        if on_drain is not None:
            on_drain()
        try:
            await super().shutdown(sockets)
        finally:
            self._at_the_end()

    def _close_after_response(self) -> None:
        """End every connection with its next response, so that no request is lost on a closing connection."""
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        for connection in self.server_state.connections:
            cycle = getattr(connection, "cycle", None)
            if cycle is not None:
                cycle.keep_alive = False
