"""Runs a service's application as a process."""

from collections.abc import Callable
from socket import socket
from typing import Final

import uvicorn
from fastapi import FastAPI

from shared.observe.logging import configure_logging
from shared.observe.spans import configure_tracing
from shared.settings import CommonSettings
from shared.web.bounded_http import BoundedHttp

KEEP_ALIVE_SECONDS: Final = 75
"""How long an idle connection stays open: longer than callers and proxies keep theirs (nginx: 60 s), so that none is
closed under a request that is just being sent."""


def serve(app: FastAPI, settings: CommonSettings, *, port: int) -> None:
    """Serve `app` until SIGTERM or Ctrl-C; requests in hand get the drain time.

    When it begins, what the service has put into `app.state.on_drain` is called.
    """
    configure_logging(app.title, level=settings.log_level, form=settings.log_format)
    stop_tracing = configure_tracing(app.title, endpoint=settings.tracing_endpoint, ratio=settings.tracing_ratio)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=port,
        loop="uvloop",
        http=BoundedHttp,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # whom to believe is a setting of the gateway
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=int(settings.drain_seconds),
    )
    _DrainingServer(config, getattr(app.state, "on_drain", None)).run()
    stop_tracing()


class _DrainingServer(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_drain: Callable[[], None] | None) -> None:
        super().__init__(config)
        self._on_drain = on_drain

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Take no more requests, and wait for those in hand."""
        if self._on_drain is not None:
            self._on_drain()
        await super().shutdown(sockets)
