"""A stopping service reports it first, redirects its callers while it still serves them, and then ends."""

import asyncio
import signal

import httpx2
from tests.support.eventually import PATIENCE_SECONDS, until
from tests.support.http_stub import HttpStub
from tests.support.service_process import is_up, service


async def test_a_stopping_service_redirects_its_callers_and_ends(free_port: int) -> None:
    async with (
        service(free_port) as process,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{free_port}", timeout=PATIENCE_SECONDS) as caller,
    ):
        await until(lambda: is_up(caller))
        reader, writer = await asyncio.open_connection("127.0.0.1", free_port)
        writer.write(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(0.2)
        process.terminate()

        answer = await asyncio.wait_for(reader.read(), 30)
        assert answer.startswith(b"HTTP/1.1 200"), "what was in hand is answered, and its connection is not kept"
        response = await caller.get("/readyz")
        assert (response.status_code, response.json()["status"]) == (503, "draining"), "it serves all the same"
        assert response.headers["connection"] == "close"

        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.read(), 30) == b"drains\n"
        assert await asyncio.wait_for(process.wait(), 30) == -signal.SIGTERM
        writer.close()


async def test_the_last_spans_are_sent_before_the_end(free_port: int) -> None:
    async with HttpStub() as collector:
        tracing = {
            "FLOWPORT_TRACING_ENDPOINT": f"http://127.0.0.1:{collector.port}/v1/traces",
            "FLOWPORT_DRAIN_NOTICE_SECONDS": "0",
            "OTEL_BSP_SCHEDULE_DELAY": "600000",  # the server sends nothing unasked
        }
        async with (
            service(free_port, **tracing) as process,
            httpx2.AsyncClient(base_url=f"http://127.0.0.1:{free_port}", timeout=PATIENCE_SECONDS) as caller,
        ):
            await until(lambda: is_up(caller))
            assert collector.requests == []
            process.terminate()
            await asyncio.wait_for(process.wait(), 30)
        assert [request.target for request in collector.requests] == ["/v1/traces"]
