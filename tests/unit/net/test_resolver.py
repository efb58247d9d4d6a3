"""Name resolution by the system."""

import asyncio
import gc
import socket
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.support.eventually import PATIENCE_SECONDS

from shared.net import OutboundFailed, SystemResolver


class SlowSystem:
    """Replaces the system's resolver, and answers when released."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.go = threading.Event()
        self.slow = ""
        """Substring of the names that it delays."""

    def __call__(self, name: str, *_: Any, **__: Any) -> list[tuple[Any, ...]]:
        self.requests.append(name)
        if self.slow in name:
            self.go.wait(10)
        if name.startswith("missing"):
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fe80::1%lo", 0, 0, 1)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 0)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 0)),
        ]


@pytest.fixture
async def system(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SlowSystem]:
    system = SlowSystem()
    monkeypatch.setattr(socket, "getaddrinfo", system)
    yield system
    system.go.set()


async def test_addresses_are_unique_and_in_order(system: SlowSystem) -> None:
    system.go.set()
    resolver = SystemResolver()
    assert [str(address) for address in await resolver.resolve("a.example")] == ["fe80::1", "10.0.0.1"]
    resolver.close()


async def test_an_unknown_name_is_a_failure(system: SlowSystem) -> None:
    system.go.set()
    resolver = SystemResolver()
    with pytest.raises(OutboundFailed, match="url hostname could not be resolved"):
        await resolver.resolve("missing.example")
    resolver.close()


async def test_a_name_server_that_does_not_answer_is_a_failure(system: SlowSystem) -> None:
    resolver = SystemResolver(seconds=0.05)
    with pytest.raises(OutboundFailed, match="url hostname could not be resolved"):
        await resolver.resolve("a.example")
    system.go.set()
    resolver.close()


async def test_concurrent_look_ups_share_one_query(system: SlowSystem) -> None:
    resolver = SystemResolver()
    waiting = [asyncio.ensure_future(resolver.resolve("a.example")) for _ in range(5)]
    await asyncio.sleep(0.01)
    waiting[0].cancel()
    system.go.set()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert answers[1] == answers[4]
    assert system.requests == ["a.example"]
    await resolver.resolve("a.example")
    assert system.requests == ["a.example", "a.example"]
    resolver.close()


async def test_the_number_of_concurrent_look_ups_is_bounded(system: SlowSystem) -> None:
    resolver = SystemResolver()
    waiting = [asyncio.ensure_future(resolver.resolve(f"{n}.example", f"w{n % 2}")) for n in range(256)]
    await asyncio.sleep(0)
    with pytest.raises(OutboundFailed, match="too many host names"):
        await resolver.resolve("one-more.example")
    system.go.set()
    await asyncio.gather(*waiting)
    resolver.close()


async def test_slow_names_of_one_workspace_delay_no_other(system: SlowSystem) -> None:
    system.slow = "slow"
    resolver = SystemResolver()
    mine = [asyncio.ensure_future(resolver.resolve(f"{n}.slow.example", "w1")) for n in range(128)]
    await asyncio.sleep(0.05)
    with pytest.raises(OutboundFailed, match="too many host names"):
        await resolver.resolve("one-more.example", "w1")
    assert await asyncio.wait_for(resolver.resolve("a.example", "w2"), PATIENCE_SECONDS)
    system.go.set()
    await asyncio.gather(*mine)
    resolver.close()


async def test_an_abandoned_look_up_occupies_its_thread_until_it_ends(system: SlowSystem) -> None:
    system.slow = "slow"
    resolver = SystemResolver(seconds=0.05)
    for number in range(40):
        with pytest.raises(OutboundFailed):
            await resolver.resolve(f"{number}.slow.example", "w1")
    assert len(system.requests) == 16
    system.go.set()
    resolver.close()


async def test_an_abandoned_look_up_fails_quietly(system: SlowSystem) -> None:
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, complaint: complaints.append(complaint))
    resolver = SystemResolver()
    waiting = asyncio.ensure_future(resolver.resolve("missing.example"))
    await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    system.go.set()
    await asyncio.sleep(0.05)
    gc.collect()
    assert complaints == []
    resolver.close()


async def test_an_invalid_name_is_a_failure() -> None:
    resolver = SystemResolver()
    with pytest.raises(OutboundFailed, match="url hostname could not be resolved"):
        await resolver.resolve("a" * 64 + ".example")
    resolver.close()


async def test_a_name_without_an_address_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [])
    resolver = SystemResolver()
    with pytest.raises(OutboundFailed, match="url hostname could not be resolved"):
        await resolver.resolve("a.example")
    resolver.close()
