"""No address can keep others from signing in: each uses one slot at a time, and few of its requests wait."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from gateway.access import passwords as passwords_module
from gateway.access.models import TooManyAttempts
from gateway.access.passwords import Argon2Passwords
from shared.errors import Unavailable


class SlowPasswords(Argon2Passwords):
    """Hashes end when the test releases them."""

    def __init__(self) -> None:
        super().__init__()
        self.running: list[str | None] = []
        self.may_end = asyncio.Event()

    async def _in_thread(self, work: Callable[[], Any], address: str | None) -> Any:
        async with self._slots.held(address):
            self.running.append(address)
            await self.may_end.wait()


async def settled(*started: Coroutine[Any, Any, Any]) -> list[asyncio.Task[Any]]:
    tasks = [asyncio.ensure_future(each) for each in started]
    for _ in range(10):
        await asyncio.sleep(0)
    return tasks


async def test_one_address_uses_one_slot_and_the_next_address_the_other() -> None:
    passwords = SlowPasswords()
    await settled(*(passwords.hash("x", address="203.0.113.1") for _ in range(5)))
    assert passwords.running == ["203.0.113.1"]
    await settled(passwords.hash("x", address="203.0.113.2"))
    assert passwords.running == ["203.0.113.1", "203.0.113.2"]
    passwords.may_end.set()


async def test_a_flood_from_one_address_is_refused_immediately_with_the_time_to_retry() -> None:
    passwords = SlowPasswords()
    tasks = await settled(*(passwords.verify("x", "hash", address="203.0.113.1") for _ in range(30)))
    refused = [task.exception() for task in tasks if task.done()]
    assert len(refused) == 25
    assert all(isinstance(error, TooManyAttempts) and error.retry_after for error in refused)
    passwords.may_end.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (await settled(passwords.verify("x", "hash", address="203.0.113.1")))[0].exception() is None


async def test_a_flood_from_many_addresses_is_bounded_too() -> None:
    passwords = SlowPasswords()
    tasks = await settled(*(passwords.hash("x", address=f"203.0.113.{number}") for number in range(100)))
    assert sum(isinstance(task.exception(), Unavailable) for task in tasks if task.done()) == 36
    assert len(passwords.running) == 2
    passwords.may_end.set()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_request_that_waits_too_long_is_refused_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords_module, "WAIT_SECONDS", 0.01)
    passwords = SlowPasswords()
    held = await settled(*(passwords.hash("x", address=each) for each in ("a", "b")))
    for _ in range(6):
        with pytest.raises(Unavailable):
            await passwords.hash("x", address="c")
    passwords.may_end.set()
    await asyncio.gather(*held)
    await passwords.hash("x", address="c")


async def test_passwords_are_still_checked() -> None:
    passwords = Argon2Passwords()
    hashed = await passwords.hash("right", address="203.0.113.1")
    assert await passwords.verify("right", hashed, address="203.0.113.1")
    assert not await passwords.verify("wrong", hashed, address="203.0.113.1")
    assert not await passwords.verify("right", None, address="203.0.113.1")
