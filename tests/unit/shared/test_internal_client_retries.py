"""Calls to a service that restarts."""

import asyncio

import httpx2
import msgspec
import pytest
from pydantic import SecretStr
from tests.support.eventually import eventually

from shared.contracts.errors import ErrorBody
from shared.errors import Unavailable
from shared.service import ServiceName
from shared.web.aiohttp_transport import AiohttpTransport
from shared.web.client import InternalClient
from shared.web.internal_auth import ServiceTokens

TOKENS = ServiceTokens({ServiceName.GATEWAY: SecretStr("s3cret")})


class Restarting:
    """Refuses a number of connections, then answers."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.answered = 0

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if self.refusals:
            self.refusals -= 1
            raise httpx2.ConnectError("connection refused")
        self.answered += 1
        return httpx2.Response(200, content=b"{}")


class Starting:
    """Refuses a number of calls because it is still starting, then responds."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.answered = 0

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if self.refusals:
            self.refusals -= 1
            refusal = ErrorBody("UNAVAILABLE", "the service has not started", is_starting=True)
            return httpx2.Response(503, content=msgspec.json.encode(refusal))
        self.answered += 1
        return httpx2.Response(200, content=b"{}")


class Breaking:
    """Accepts the request, and never answers."""

    requests = 0

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests += 1
        raise httpx2.ReadError("connection reset")


class Silent:
    """Accepts requests and answers none."""

    requests = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.requests += 1
        await reader.read()
        writer.close()


def client(answer: Restarting | Starting | Breaking, *, retry_seconds: float) -> InternalClient:
    return InternalClient(
        "http://jobs-service",
        caller=ServiceName.GATEWAY,
        tokens=TOKENS,
        timeout=30,
        retry_seconds=retry_seconds,
        transport=httpx2.MockTransport(answer),
    )


def at(url: str, http: AiohttpTransport, *, timeout: float) -> InternalClient:
    return InternalClient(url, caller=ServiceName.GATEWAY, tokens=TOKENS, timeout=timeout, transport=http)


async def test_a_refused_connection_is_retried() -> None:
    service = Restarting(2)
    await client(service, retry_seconds=5).call("POST", "/internal/runs", body={})
    assert service.answered == 1


async def test_a_call_of_a_service_that_still_starts_is_repeated() -> None:
    service = Starting(2)
    await client(service, retry_seconds=5).call("POST", "/internal/runs", body={})
    assert service.answered == 1


@pytest.mark.parametrize("service", [Restarting(1), Starting(1)], ids=lambda service: type(service).__name__)
async def test_without_retries_a_refusal_is_final(service: Restarting | Starting) -> None:
    with pytest.raises(Unavailable) as raised:
        await client(service, retry_seconds=0).call("POST", "/internal/runs", body={})
    assert type(raised.value) is Unavailable, "the call had no effect"
    assert service.answered == 0


async def test_a_call_without_a_free_connection_is_known_as_unsent() -> None:
    silent = Silent()
    async with await asyncio.start_server(silent.serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        http = AiohttpTransport(connect_seconds=0.1, max_connections=1)
        slow = asyncio.create_task(at(url, http, timeout=30).call("POST", "/internal/runs", body={}))
        await eventually(lambda: silent.requests == 1)
        with pytest.raises(Unavailable) as raised:
            await at(url, http, timeout=0.2).call("POST", "/internal/runs", body={})
        assert type(raised.value) is Unavailable
        slow.cancel()
        await asyncio.wait([slow])
        await http.aclose()
    assert silent.requests == 1


async def test_a_request_that_may_have_arrived_is_not_repeated() -> None:
    service = Breaking()
    with pytest.raises(Unavailable):
        await client(service, retry_seconds=5).call("POST", "/internal/runs", body={})
    assert service.requests == 1
