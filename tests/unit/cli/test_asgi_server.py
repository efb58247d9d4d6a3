"""ASGI server inside a process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from fastapi import FastAPI
from tests.support.eventually import PATIENCE_SECONDS

from flowport.local.asgi_server import listen, port_of, serve_app
from flowport.servers.ports import PortInUse


async def test_an_application_is_served_inside_the_block_only() -> None:
    app = FastAPI()
    app.get("/")(lambda: "here")
    listening = listen(0)
    url = f"http://127.0.0.1:{port_of(listening)}"
    async with httpx2.AsyncClient(timeout=PATIENCE_SECONDS) as client:
        async with serve_app(app, listening):
            assert (await client.get(url)).json() == "here"
        with pytest.raises(httpx2.ConnectError):
            await client.get(url)


async def test_a_startup_error_is_raised() -> None:
    @asynccontextmanager
    async def broken(app: FastAPI) -> AsyncIterator[None]:
        if app.title == "fragile":
            raise OSError("no disk")
        yield

    with pytest.raises(OSError, match="no disk"):
        async with serve_app(FastAPI(title="fragile", lifespan=broken), listen(0)):
            pass


def test_a_port_in_use_names_its_setting() -> None:
    with listen(0) as taken, pytest.raises(PortInUse, match=f"port {port_of(taken)} .*with FLOWPORT_JOBS_PORT="):
        listen(port_of(taken), setting="FLOWPORT_JOBS_PORT")
