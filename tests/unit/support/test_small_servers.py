"""A stopping small server closes its connections: otherwise a later test would find them open."""

import asyncio
from contextlib import suppress

import pytest
from tests.support.eventually import PATIENCE_SECONDS
from tests.support.http_stub import HttpStub
from tests.support.raw_http import raw_server, saying


@pytest.mark.parametrize("turns", range(6))
@pytest.mark.parametrize("server", [lambda: raw_server(saying()), HttpStub], ids=["raw", "stub"])
async def test_a_line_that_comes_with_the_end_is_let_go_of(server: type[HttpStub], turns: int) -> None:
    async with server() as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        for _ in range(turns):
            await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(0.1, writer.write_eof)  # the stub waits for open requests
    with suppress(ConnectionError):
        assert await asyncio.wait_for(reader.read(), PATIENCE_SECONDS) == b""
    writer.close()
