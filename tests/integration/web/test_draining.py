"""A service that is told to stop says so first, sends its callers elsewhere while it serves them, and then ends."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from tests.support.eventually import until
from tests.support.http_stub import HttpStub

from flowport.servers.ports import free_port

NOTICE_SECONDS = 4
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
    environment = {"FLOWPORT_DRAIN_NOTICE_SECONDS": str(NOTICE_SECONDS), "PYTHONPATH": ":".join(sys.path), **more}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVICE, str(port), stdout=PIPE, env=environment
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_a_service_that_is_told_to_stop_sends_its_callers_elsewhere_and_ends() -> None:
    port = free_port()
    async with service(port) as process, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as caller:
        await until(lambda: _is_up(caller))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(0.2)
        process.terminate()

        answer = await asyncio.wait_for(reader.read(), 30)
        assert answer.startswith(b"HTTP/1.1 200"), "what was in hand is answered, and its connection is not kept"
        told = await caller.get("/readyz")
        assert (told.status_code, told.json()["status"]) == (503, "draining"), "it serves all the same"
        assert told.headers["connection"] == "close"

        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.read(), 30) == b"drains\n"
        assert await asyncio.wait_for(process.wait(), 30) == -signal.SIGTERM
        writer.close()


async def test_what_was_traced_last_is_sent_before_the_end() -> None:
    port = free_port()
    async with HttpStub() as collector:
        tracing = {
            "FLOWPORT_TRACING_ENDPOINT": f"http://127.0.0.1:{collector.port}/v1/traces",
            "FLOWPORT_DRAIN_NOTICE_SECONDS": "0",
            "OTEL_BSP_SCHEDULE_DELAY": "600000",  # nothing is sent by itself
        }
        async with (
            service(port, **tracing) as process,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as caller,
        ):
            await until(lambda: _is_up(caller))
            assert collector.asked == []
            process.terminate()
            await asyncio.wait_for(process.wait(), 30)
        assert [request.target for request in collector.asked] == ["/v1/traces"]


async def _is_up(caller: httpx.AsyncClient) -> bool:
    try:
        return (await caller.get("/readyz")).is_success
    except httpx.TransportError:
        return False
