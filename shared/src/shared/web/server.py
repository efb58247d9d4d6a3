"""Runs a service's application as a process."""

import uvicorn
from fastapi import FastAPI

from shared.observe.logging import configure_logging
from shared.settings import CommonSettings


def serve(app: FastAPI, settings: CommonSettings, *, port: int) -> None:
    """Serve `app` until SIGTERM or Ctrl-C; requests in hand get the drain time."""
    configure_logging(app.title, level=settings.log_level, form=settings.log_format)
    uvicorn.run(
        app,
        host=settings.host,
        port=port,
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(settings.drain_seconds),
    )
