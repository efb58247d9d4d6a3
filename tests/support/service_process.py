"""A service as a separate process, on the server that all services use."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2

NOTICE_SECONDS = 4
ENVIRONMENT = {"PYTHONPATH": ":".join(sys.path)}
WITHOUT_SANDBOX = """
import sys
from shared.broker.ports import BrokerUnavailable
from shared.settings import CommonSettings
from shared.web.app import create_app
from shared.web.server import serve

class Broker:
    waits = int(sys.argv[2])

    async def start(self):
        if self.waits:
            self.waits -= 1
            raise BrokerUnavailable("the broker cannot be reached: ACCESS_REFUSED")

    async def stop(self):
        pass

class Sandbox:
    async def start(self):
        raise RuntimeError("this host cannot confine user code")

    async def stop(self):
        pass

app = create_app("test", components=[Broker(), Sandbox()], checks={}, routers=[])
serve(app, CommonSettings(), port=int(sys.argv[1]))
"""
SERVICE = """
import asyncio, sys
from fastapi import APIRouter
from shared.settings import CommonSettings
from shared.web.app import create_app
from shared.web.server import serve

router = APIRouter()

@router.get("/slow")
async def slow():
    await asyncio.sleep(1)

app = create_app("test", components=(), checks={}, routers=[router])
app.state.on_drain = lambda: print("drains", flush=True)
serve(app, CommonSettings(), port=int(sys.argv[1]))
"""


@asynccontextmanager
async def service(port: int, **more: str) -> AsyncIterator[Process]:
    environment = {"FLOWPORT_DRAIN_NOTICE_SECONDS": str(NOTICE_SECONDS), **ENVIRONMENT, **more}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVICE, str(port), stdout=PIPE, env=environment
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def is_up(caller: httpx2.AsyncClient) -> bool:
    """Return whether the service is ready."""
    try:
        return (await caller.get("/readyz")).is_success
    except httpx2.TransportError:
        return False
