"""Nothing can change between the check of an address and the connection to it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from tests.support.certificates import Authority
from tests.support.outbound import FakeNetwork, FakeResolver
from tests.support.raw_http import RawServer, answer, raw_server, saying

from shared.net import BlockedAddress, OutboundClient, OutboundFailed, OutboundLimits, OutboundRequest

PUBLIC = "8.8.8.8"
METADATA = "169.254.169.254"
PRIVATE = "url cannot point to private IP addresses"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@asynccontextmanager
async def resolving(
    authority: Authority, *answers: Sequence[str], body: bytes = answer(), keep_seconds: float = 4.0
) -> AsyncIterator[tuple[OutboundClient, FakeResolver, FakeNetwork, RawServer]]:
    """Yield a client for which evil.example resolves to `answers`, in turn; every address answers it."""
    resolver = FakeResolver(evil_example=answers, public_example=[[PUBLIC]])
    tls = authority.server_context("evil.example", "public.example")
    async with raw_server(saying(body), tls=tls) as server:
        network = FakeNetwork(server.port)
        client = OutboundClient(
            resolver=resolver,
            network=network,
            ssl_context=authority.client_context(),
            limits=OutboundLimits(keep_seconds=keep_seconds),
        )
        yield client, resolver, network, server
        await client.stop()


async def test_a_name_is_resolved_once_for_a_connection(authority: Authority) -> None:
    async with resolving(authority, [PUBLIC], [METADATA]) as (client, resolver, network, _):
        await client.send(OutboundRequest("GET", "https://evil.example/"))
    assert resolver.requests == ["evil.example"]
    assert network.called == [(PUBLIC, 443)]


async def test_a_reused_connection_stays_with_the_checked_address(authority: Authority) -> None:
    async with resolving(authority, [PUBLIC], [METADATA]) as (client, resolver, network, server):
        for _ in range(3):
            await client.send(OutboundRequest("GET", "https://evil.example/"))
    assert (resolver.requests, network.called) == (["evil.example"], [(PUBLIC, 443)])
    assert len(server.requests) == 3


async def test_a_new_connection_is_a_new_check(authority: Authority) -> None:
    async with resolving(authority, [PUBLIC], [METADATA], keep_seconds=0.0) as (client, _, network, _):
        await client.send(OutboundRequest("GET", "https://evil.example/"))
        with pytest.raises(BlockedAddress, match=PRIVATE):
            await client.send(OutboundRequest("GET", "https://evil.example/"))
    assert network.called == [(PUBLIC, 443)]


async def test_another_workspace_is_a_new_check(authority: Authority) -> None:
    async with resolving(authority, [PUBLIC], [METADATA]) as (client, _, network, _):
        await client.send(OutboundRequest("GET", "https://evil.example/", workspace_id="a"))
        with pytest.raises(BlockedAddress, match=PRIVATE):
            await client.send(OutboundRequest("GET", "https://evil.example/", workspace_id="b"))
    assert network.called == [(PUBLIC, 443)]


@pytest.mark.parametrize(
    "answers", [[PUBLIC, METADATA], [METADATA, PUBLIC], ["::ffff:127.0.0.1"], ["64:ff9b::7f00:1", PUBLIC], ["fd00::1"]]
)
async def test_one_inner_answer_refuses_all(authority: Authority, answers: list[str]) -> None:
    async with resolving(authority, answers) as (client, _, network, _):
        with pytest.raises(BlockedAddress, match=PRIVATE):
            await client.send(OutboundRequest("GET", "https://evil.example/"))
    assert network.called == []


@pytest.mark.parametrize("host", ["127.0.0.1", METADATA, "[fd00:ec2::254]", "localhost", "0x7f.1", "evil.example"])
async def test_a_redirect_to_an_inner_address_is_refused(authority: Authority, host: str) -> None:
    body = answer("302 Found", headers=(f"Location: https://{host}/latest/meta-data",))
    async with resolving(authority, [METADATA], body=body) as (client, _, network, server):
        with pytest.raises(BlockedAddress, match=PRIVATE):
            await client.send(OutboundRequest("GET", "https://public.example/"))
    assert network.called == [(PUBLIC, 443)]
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("location", "refusal"),
    [
        ("http://public.example/", "url must use https:// protocol"),
        ("http://169.254.169.254/", "url must use https:// protocol"),
        ("file:///etc/passwd", "url must use https:// protocol"),
        ("gopher://127.0.0.1:6379/_", "url must use https:// protocol"),
        ("https://public.example:6379/", "url uses a blocked port"),
        ("https://[::1", "url must be a valid URL"),
    ],
)
async def test_a_redirect_is_checked_like_a_url(authority: Authority, location: str, refusal: str) -> None:
    body = answer("307 There", headers=(f"Location: {location}",))
    async with resolving(authority, [PUBLIC], body=body) as (client, _, network, _):
        with pytest.raises(BlockedAddress, match=f"^{refusal}$"):
            await client.send(OutboundRequest("GET", "https://public.example/"))
    assert network.called == [(PUBLIC, 443)]


async def test_redirects_within_a_name_stay_with_the_address_that_was_checked(authority: Authority) -> None:
    body = answer("302 Again", headers=("Location: /again",))
    async with resolving(authority, [PUBLIC], [METADATA], body=body) as (client, resolver, network, server):
        with pytest.raises(OutboundFailed, match="More than 10 redirects"):
            await client.send(OutboundRequest("GET", "https://evil.example/"))
    assert (resolver.requests, network.called) == (["evil.example"], [(PUBLIC, 443)])
    assert len(server.requests) == 11


async def test_redirects_back_and_forth_are_checked_each_time_a_connection_is_made(authority: Authority) -> None:
    body = answer("302 Again", headers=("Location: https://public.example/", "Connection: close"))
    async with resolving(authority, [PUBLIC], [METADATA], body=body) as (client, resolver, network, _):
        with pytest.raises(OutboundFailed, match="More than 10 redirects"):
            await client.send(OutboundRequest("GET", "https://evil.example/"))
        with pytest.raises(BlockedAddress, match=PRIVATE):
            await client.send(OutboundRequest("GET", "https://evil.example/"))
    assert {address for address, _ in network.called} == {PUBLIC}
    assert resolver.requests == ["evil.example", *["public.example"] * 10, "evil.example"]
