"""https: the address is the checked one, the name is the URL's, and the certificate must be for that name."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.support.certificates import Authority
from tests.support.eventually import PATIENCE_SECONDS
from tests.support.outbound import FakeNetwork, FakeResolver
from tests.support.raw_http import RawServer, answer, raw_server, saying

from shared.net import OutboundClient, OutboundFailed, OutboundLimits, OutboundRequest, OutboundTimeout

PUBLIC = "8.8.8.8"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@asynccontextmanager
async def serving(
    tls: ssl.SSLContext, trusting: ssl.SSLContext
) -> AsyncIterator[tuple[RawServer, FakeNetwork, OutboundClient]]:
    """A server at a public address, and a client that resolves it as a.example and b.example."""
    resolver = FakeResolver(a_example=[[PUBLIC]], b_example=[[PUBLIC]], **{"xn--bcher-kva_example": [[PUBLIC]]})
    async with raw_server(saying(answer(body=b"x")), tls=tls) as server:
        network = FakeNetwork(server.port)
        client = OutboundClient(resolver=resolver, network=network, ssl_context=trusting)
        yield server, network, client
        await client.stop()


async def test_the_checked_address_is_called_under_the_name_of_the_url(authority: Authority) -> None:
    server_names: list[str | None] = []
    tls = authority.server_context("a.example", "xn--bcher-kva.example")
    tls.sni_callback = lambda _, name, __: server_names.append(name)
    async with serving(tls, authority.client_context()) as (server, network, client):
        for url in ("https://a.example/", "https://A.example.:443/", "https://bücher.example/"):
            assert (await client.send(OutboundRequest("GET", url))).body == b"x"
    assert set(network.called) == {(PUBLIC, 443)}
    assert server_names == ["a.example", "xn--bcher-kva.example"]
    assert [request.headers["host"] for request in server.requests] == [
        "a.example",
        "a.example",
        "xn--bcher-kva.example",
    ]


async def test_a_certificate_for_another_name_is_refused(authority: Authority) -> None:
    async with serving(authority.server_context("a.example"), authority.client_context()) as (server, _, client):
        with pytest.raises(OutboundFailed, match="certificate verify failed"):
            await client.send(OutboundRequest("GET", "https://b.example/"))
        with pytest.raises(OutboundFailed, match="certificate verify failed"):
            await client.send(OutboundRequest("GET", f"https://{PUBLIC}/"))
    assert server.requests == []


async def test_a_certificate_of_an_unknown_authority_is_refused(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path)
    async with serving(stranger.server_context("a.example"), authority.client_context()) as (server, _, client):
        with pytest.raises(OutboundFailed, match="certificate verify failed"):
            await client.send(OutboundRequest("GET", "https://a.example/"))
    assert server.requests == []


async def test_a_server_that_requires_a_client_certificate_is_a_failure(authority: Authority, tmp_path: Path) -> None:
    tls = authority.server_context("a.example")
    tls.verify_mode = ssl.CERT_REQUIRED
    async with serving(tls, authority.client_context()) as (_, _, client):
        with pytest.raises(OutboundFailed):
            await client.send(OutboundRequest("GET", "https://a.example/"))


async def test_a_server_without_tls_is_a_failure(authority: Authority) -> None:
    async def speak_plainly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer())
        await reader.read()
        writer.close()

    async with await asyncio.start_server(speak_plainly, "127.0.0.1", 0) as server:
        network = FakeNetwork(server.sockets[0].getsockname()[1])
        client = OutboundClient(
            resolver=FakeResolver(a_example=[[PUBLIC]]), network=network, ssl_context=authority.client_context()
        )
        with pytest.raises(OutboundFailed, match=r"(?i)wrong.version.number|record layer"):
            await client.send(OutboundRequest("GET", "https://a.example/", timeout_seconds=PATIENCE_SECONDS))
        await client.stop()


async def test_giving_up_in_the_middle_of_the_handshake_leaves_no_socket_open(authority: Authority) -> None:
    async with raw_server(saying()) as server:
        client = OutboundClient(
            resolver=FakeResolver(a_example=[[PUBLIC]]),
            network=FakeNetwork(server.port),
            ssl_context=authority.client_context(),
        )
        with pytest.raises(OutboundTimeout, match="after 300ms"):
            await client.send(OutboundRequest("GET", "https://a.example/", timeout_seconds=0.3))
        await asyncio.wait_for(server.hung_up.wait(), 30)
        await client.stop()


async def test_without_configured_authorities_only_those_of_the_machine_are_trusted(authority: Authority) -> None:
    async with raw_server(saying(answer()), tls=authority.server_context("localhost")) as server:
        client = OutboundClient(["localhost"])
        with pytest.raises(OutboundFailed, match="certificate verify failed"):
            await client.send(OutboundRequest("GET", f"https://localhost:{server.port}/"))
        await client.stop()
    assert server.requests == []


async def test_a_handshake_has_the_connection_timeout(authority: Authority) -> None:
    async with raw_server(saying()) as server:
        client = OutboundClient(
            resolver=FakeResolver(a_example=[[PUBLIC]]),
            network=FakeNetwork(server.port),
            ssl_context=authority.client_context(),
            limits=OutboundLimits(connect_seconds=0.2),
        )
        with pytest.raises(OutboundTimeout, match="after 200ms"):
            await client.send(OutboundRequest("GET", "https://a.example/", timeout_seconds=PATIENCE_SECONDS))
        await client.stop()
