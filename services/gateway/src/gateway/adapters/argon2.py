"""Passwords hashed with argon2id, in threads: one hash takes 64 MiB and tens of milliseconds."""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from shared.errors import Unavailable

AT_ONCE: Final = 2
WAIT_SECONDS: Final = 10.0
R = TypeVar("R")


class Argon2Passwords:
    """Implements Passwords. The library's parameters are those that RFC 9106 names for little memory."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """See Passwords."""
        return await self._in_thread(lambda: self._hasher.hash(password))

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """See Passwords."""
        if password_hash is None and self._nobody is None:
            self._nobody = await self.hash("")
        against = password_hash or self._nobody or ""
        return await self._in_thread(lambda: self._matches(password, against)) and password_hash is not None

    def _matches(self, password: str, password_hash: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_thread(self, work: Callable[[], R]) -> R:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._slots.acquire()
        except TimeoutError:
            raise Unavailable("too many passwords to check at once", retry_after=5) from None
        try:
            return await asyncio.to_thread(work)
        finally:
            self._slots.release()
