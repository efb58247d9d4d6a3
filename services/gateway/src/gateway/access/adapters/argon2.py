"""Passwords hashed with argon2id, in threads: one hash takes 64 MiB and tens of milliseconds."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gateway.access.domain.limit_errors import TooManyAttempts
from shared.errors import Unavailable

AT_ONCE: Final = 2
PER_ADDRESS: Final = 5
"""Requests of one address in progress; one of them uses a slot, the others wait."""
IN_PROGRESS: Final = 64
WAIT_SECONDS: Final = 10.0
RETRY_SECONDS: Final = 2
R = TypeVar("R")


class Argon2Passwords:
    """Implements Passwords, with the library's parameters that RFC 9106 recommends for low memory."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._slots = _Slots()
        self._dummy_hash: str | None = None

    async def hash(self, password: str, *, address: str | None = None) -> str:
        return await self._in_thread(lambda: self._hasher.hash(password), address)

    async def verify(self, password: str, password_hash: str | None, *, address: str | None = None) -> bool:
        if password_hash is None and self._dummy_hash is None:
            self._dummy_hash = await self.hash("")
        against = password_hash or self._dummy_hash or ""
        return await self._in_thread(lambda: self._matches(password, against), address) and password_hash is not None

    def _matches(self, password: str, password_hash: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_thread(self, work: Callable[[], R], address: str | None) -> R:
        async with self._slots.held(address):
            return await asyncio.to_thread(work)


class _Slots:
    """Slots shared between addresses: each uses at most one at a time, so none can occupy them all."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(AT_ONCE)
        self._in_progress: Counter[str | None] = Counter()
        self._locks: dict[str, asyncio.Lock] = {}

    @asynccontextmanager
    async def held(self, address: str | None) -> AsyncIterator[None]:
        """Hold a slot; `address` is None for internal work.

        Raises TooManyAttempts, Unavailable.
        """
        if address is not None and self._in_progress[address] >= PER_ADDRESS:
            raise TooManyAttempts(retry_after=RETRY_SECONDS)
        if self._in_progress.total() >= IN_PROGRESS:
            raise Unavailable("password checks are at capacity", retry_after=RETRY_SECONDS)
        self._in_progress[address] += 1
        try:
            async with AsyncExitStack() as stack:
                await self._wait(stack, address)
                yield
        finally:
            self._in_progress[address] -= 1
            if not self._in_progress[address]:
                del self._in_progress[address]
                self._locks.pop(address or "", None)

    async def _wait(self, stack: AsyncExitStack, address: str | None) -> None:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                if address is not None:
                    await stack.enter_async_context(self._locks.setdefault(address, asyncio.Lock()))
                await stack.enter_async_context(self._free)
        except TimeoutError:
            raise Unavailable("password checks are at capacity", retry_after=RETRY_SECONDS) from None
