"""Connections: reused briefly, never shared between workspaces, of bounded number."""

import asyncio
import gc
from contextlib import suppress
from dataclasses import replace
from typing import Final

import pytest
from tests.support.eventually import PATIENCE_SECONDS, eventually
from tests.support.left_behind import without_collections
from tests.support.outbound import FakeNetwork, FakeResolver
from tests.support.raw_http import Received, answer, raw_server, saying
from tests.unit.net.conftest import Get

from shared.net import OutboundClient, OutboundFailed, OutboundLimits, OutboundRequest, OutboundTimeout

OK: Final = saying(answer(body=b"x"))


async def test_calls_to_one_origin_share_a_connection(get: Get) -> None:
    async with raw_server(OK) as server:
        for _ in range(3):
            await get(server.url)
    assert server.connections == 1


async def test_workspaces_never_share_a_connection(get: Get) -> None:
    async with raw_server(OK) as server:
        for workspace in ("a", "b", "a", "b"):
            await get(server.url, workspace_id=workspace)
    assert server.connections == 2


async def test_names_of_one_address_do_not_share_a_connection(get: Get) -> None:
    async with raw_server(OK) as server:
        await get(server.url)
        await get(f"http://localhost:{server.port}")
    assert server.connections == 2


async def test_a_connection_is_kept_open_only_briefly() -> None:
    client = OutboundClient(["localhost"], limits=OutboundLimits(keep_seconds=0.05))
    async with raw_server(OK) as server:
        await client.send(OutboundRequest("GET", server.url))
        await asyncio.sleep(0.1)
        await client.send(OutboundRequest("GET", server.url))
        await client.stop()
    assert server.connections == 2


async def test_the_number_of_idle_connections_is_bounded() -> None:
    client = OutboundClient(["localhost"], limits=OutboundLimits(idle_connections=2))
    async with raw_server(OK) as server:
        for workspace in "abc":
            await client.send(OutboundRequest("GET", server.url, workspace_id=workspace))
        await eventually(server.hung_up.is_set)
        for workspace in "cba":
            await client.send(OutboundRequest("GET", server.url, workspace_id=workspace))
        await client.stop()
    assert server.connections == 4


async def test_the_number_of_calls_in_progress_is_bounded() -> None:
    open_now, most = 0, 0

    async def speak(request: Received, writer: asyncio.StreamWriter) -> None:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        await asyncio.sleep(0.01)
        open_now -= 1
        writer.write(answer())

    client = OutboundClient(["localhost"], limits=OutboundLimits(connections=3))
    async with raw_server(speak) as server:
        await asyncio.gather(
            *(client.send(OutboundRequest("GET", server.url, workspace_id=f"w{n}")) for n in range(12))
        )
        await client.stop()
    assert most == 3


async def test_waiting_for_a_slot_counts_toward_the_timeout() -> None:
    client = OutboundClient(["localhost"], limits=OutboundLimits(connections=1))
    async with raw_server(saying()) as server:
        first = asyncio.ensure_future(client.send(OutboundRequest("GET", server.url, timeout_seconds=PATIENCE_SECONDS)))
        await eventually(lambda: len(server.requests) == 1)
        with pytest.raises(OutboundTimeout, match="after 50ms"):
            await client.send(OutboundRequest("GET", server.url, timeout_seconds=0.05))
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    await client.stop()


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
async def test_a_call_that_may_be_repeated_survives_connections_that_the_server_closed(
    client: OutboundClient, method: str
) -> None:
    """Keep all connections: the call is repeated over a new one, not over the next of them."""
    known: set[asyncio.StreamWriter] = set()
    both = asyncio.Event()

    async def speak(request: Received, writer: asyncio.StreamWriter) -> None:
        if writer in known:
            writer.transport.abort()
            return
        known.add(writer)
        if len(known) == 2:
            both.set()
        await both.wait()
        writer.write(answer())

    async with raw_server(speak) as server:
        await asyncio.gather(*(client.send(OutboundRequest("GET", server.url)) for _ in range(2)))
        assert (await client.send(OutboundRequest(method, server.url, timeout_seconds=30))).status == 200
    assert [request.method for request in server.requests[2:]] == [method, method]


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
async def test_a_call_is_not_repeated_that_the_server_began_to_answer_or_has_never_known(get: Get, said: bytes) -> None:
    async def speak(request: Received, writer: asyncio.StreamWriter) -> None:
        if request.target == "/first":
            writer.write(answer())
            return
        writer.write(said)
        await writer.drain()
        writer.close()

    async with raw_server(speak) as server:
        if said:
            await get(f"{server.url}/first")
        with pytest.raises(OutboundFailed):
            await get(f"{server.url}/x")
    assert [request.target for request in server.requests].count("/x") == 1


async def test_a_post_is_never_repeated(client: OutboundClient) -> None:
    async def speak(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer()) if request.target == "/1" else writer.transport.abort()

    async with raw_server(speak) as server:
        await client.send(OutboundRequest("POST", f"{server.url}/1"))
        with pytest.raises(OutboundFailed):
            await client.send(OutboundRequest("POST", f"{server.url}/2"))
    assert [request.target for request in server.requests] == ["/1", "/2"]


async def test_cancelling_a_call_disconnects_immediately(client: OutboundClient) -> None:
    async with raw_server(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")) as server:
        call = asyncio.ensure_future(client.send(OutboundRequest("GET", server.url)))
        await eventually(lambda: len(server.requests) == 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.wait_for(server.hung_up.wait(), 30)
        assert (await client.send(OutboundRequest("HEAD", server.url, timeout_seconds=PATIENCE_SECONDS))).status == 200


@pytest.mark.parametrize("delay", [0.0, 0.001, 0.003, 0.01])
async def test_a_call_cancelled_at_any_moment_leaves_no_socket_open(client: OutboundClient, delay: float) -> None:
    async with raw_server(OK) as server:
        for _ in range(20):
            call = asyncio.ensure_future(client.send(OutboundRequest("GET", server.url)))
            await asyncio.sleep(delay)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
        gc.collect()


async def test_an_address_that_does_not_answer_is_passed_over() -> None:
    resolver = FakeResolver(a_example=[["2606:4700::1", "8.8.4.4", "8.8.8.8"]])
    async with raw_server(OK) as server:
        network = FakeNetwork(deaf=["2606:4700::1"], ports={"8.8.8.8": server.port})
        limits = OutboundLimits(connect_seconds=0.3)
        client = OutboundClient(["a.example"], resolver=resolver, network=network, limits=limits)
        assert (await client.send(OutboundRequest("GET", "http://a.example/"))).body == b"x"
        await client.stop()
    assert network.called == [("2606:4700::1", 80), ("8.8.4.4", 80), ("8.8.8.8", 80)]


async def test_a_name_has_few_addresses_tried() -> None:
    network = FakeNetwork()
    resolver = FakeResolver(a_example=[[f"8.8.8.{n}" for n in range(50)]])
    client = OutboundClient(resolver=resolver, network=network)
    with pytest.raises(OutboundFailed, match="connection refused"):
        await client.send(OutboundRequest("GET", "https://a.example/"))
    assert len(network.called) == 4


async def test_a_failing_call_is_freed_without_a_garbage_collection() -> None:
    client = OutboundClient(resolver=FakeResolver(a_example=[["8.8.8.8"]]), network=FakeNetwork())
    with without_collections() as remains:
        with suppress(OutboundFailed):
            await client.send(OutboundRequest("POST", "https://a.example/", body=b"large"))
        assert remains.of(OutboundRequest) == []


async def test_no_workspace_takes_all_slots() -> None:
    client = OutboundClient(["localhost"], limits=OutboundLimits(connections=8))

    async def speak(request: Received, writer: asyncio.StreamWriter) -> None:
        if request.target != "/slow":
            writer.write(answer(body=b"x"))

    async with raw_server(speak) as server:
        slow = OutboundRequest("GET", f"{server.url}/slow", timeout_seconds=60, workspace_id="a")
        waiting = [asyncio.ensure_future(client.send(slow)) for _ in range(20)]
        await eventually(lambda: len(server.requests) == 4)
        other = OutboundRequest("GET", server.url, timeout_seconds=PATIENCE_SECONDS, workspace_id="b")
        assert (await client.send(other)).body == b"x"
        assert len(server.requests) == 5
        for call in waiting:
            call.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert (await client.send(replace(slow, url=server.url))).body == b"x"
    await client.stop()


async def test_idle_connections_are_closed_with_the_client() -> None:
    client = OutboundClient(["localhost"])
    async with raw_server(OK) as server:
        await client.send(OutboundRequest("GET", server.url))
        assert not server.hung_up.is_set()
        await client.stop()
        await asyncio.wait_for(server.hung_up.wait(), 30)


async def test_expired_connections_are_closed_after_the_next_call() -> None:
    client = OutboundClient(["localhost"], limits=OutboundLimits(keep_seconds=0.05))
    async with raw_server(OK) as server:
        await client.send(OutboundRequest("GET", server.url, workspace_id="a"))
        await asyncio.sleep(0.1)
        await client.send(OutboundRequest("GET", server.url, workspace_id="b"))
        await asyncio.wait_for(server.hung_up.wait(), 30)
        await client.stop()


async def test_the_last_address_is_given_up_in_time_too() -> None:
    resolver = FakeResolver(a_example=[["8.8.4.4"]])
    client = OutboundClient(
        resolver=resolver, network=FakeNetwork(deaf=["8.8.4.4"]), limits=OutboundLimits(connect_seconds=0.1)
    )
    with pytest.raises(OutboundTimeout, match="after 100ms"):
        await client.send(OutboundRequest("GET", "https://a.example/", timeout_seconds=PATIENCE_SECONDS))
