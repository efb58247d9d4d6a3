"""Password hashes, and the counts of sign-in attempts by account and address."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gateway.access.models import (
    TooManyAttempts,
)
from gateway.access.store import AccountStore
from shared.clock import Clock
from shared.errors import Unavailable

Network = IPv4Network | IPv6Network


_SITE_BITS: Final = 64
"""IPv6 prefix of one site, whose addresses one owner controls."""


_NETWORK_BITS: Final = {4: 32, 6: 48}
"""Usual maximum prefix of a network operator's customer."""


_REGION_BITS: Final = {4: 24, 6: 32}


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Parse `10.0.0.0/8`, `::1`. Raises ValueError."""
    return tuple(ip_network(text, strict=False) for text in texts)


def caller_address(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> str:
    """Return the last hop before our own proxies: `forwarded_for` is trusted only where `trusted` proxies wrote it."""
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    address = peer
    while hops and _is_within(address, trusted):
        address = hops.pop()
    return _counted(address)


def wider_networks(address: str) -> tuple[str, str]:
    """Return the customer's and the operator's network of an address from `caller_address`."""
    try:
        site = ip_network(address)
    except ValueError:
        return address, address
    bits = _NETWORK_BITS[site.version], _REGION_BITS[site.version]
    customer, operator = (str(site.supernet(new_prefix=min(each, site.prefixlen))) for each in bits)
    return customer, operator


def _is_within(address: str, trusted: Sequence[Network]) -> bool:
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in trusted)


def _counted(address: str) -> str:
    parsed = _parsed(address)
    if parsed is None:
        return "unknown"
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    return str(ip_network((parsed, _SITE_BITS), strict=False))


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    """Return None for invalid addresses. An IPv4 address may have IPv6 form."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed


AT_ONCE: Final = 2


PER_ADDRESS: Final = 5
"""Requests of one address in progress; one of them uses a slot, the others wait."""


IN_PROGRESS: Final = 64


WAIT_SECONDS: Final = 10.0


RETRY_SECONDS: Final = 2


R = TypeVar("R")


class Argon2Passwords:
    """Implements Argon2Passwords, with the library's parameters that RFC 9106 recommends for low memory."""

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


WINDOW_SECONDS: Final = 900


PER_ACCOUNT: Final = 10


ATTEMPTS_PER_ADDRESS: Final = 50


PER_MAILBOX: Final = 3


DAY_SECONDS: Final = 86_400


CODES_PER_NETWORK: Final = 200
"""Wrong codes per day from an IPv4 address or an IPv6 /48 to one chat."""


CODES_PER_CHAT: Final = 5_000
"""Wrong codes per day to one chat: the chance to guess one of its 6-digit codes is 0.5 % per day."""


CODES_PER_MAILBOX: Final = 100
"""Wrong codes per day for one mailbox and chat."""


CODES_OF_A_QUIET_REGION: Final = 3
"""Wrong codes per day from an IPv4 /24 or an IPv6 /32 that are allowed beyond the two limits above."""


class SignInAttempts:
    """Counter of sign-in attempts. It counts before it checks, so that no concurrent attempt is missed."""

    def __init__(self, accounts: AccountStore, clock: Clock) -> None:
        self._accounts = accounts
        self._clock = clock

    async def count(self, *, email: str, address: str) -> None:
        """Count an attempt. Raises TooManyAttempts, Unavailable."""
        await self._count("address", address, ATTEMPTS_PER_ADDRESS)
        await self._count("account", f"{email} {address}", PER_ACCOUNT)

    async def count_guess(self, *, what: str, address: str) -> None:
        """Count a password guess for `what` from `address`. Raises TooManyAttempts, Unavailable."""
        await self._count(what, address, PER_ACCOUNT)

    async def count_mail(self, *, to: str, address: str) -> None:
        """Count a mail to `to` requested by `address`. Raises TooManyAttempts, Unavailable."""
        await self._count("mail", address, ATTEMPTS_PER_ADDRESS)
        await self._count("mailbox", to, PER_MAILBOX)

    async def count_code(self, *, chat_id: str, email: str, address: str) -> None:
        """Count one code from `address`. Raises TooManyAttempts, Unavailable.

        A chat or mailbox under attack stays open to networks that sent no wrong codes.
        """
        await self._count("code", f"{chat_id} {address}", ATTEMPTS_PER_ADDRESS)
        network, region, chat, mailbox = _code_counters(chat_id, email, address)
        await self._count(*network, CODES_PER_NETWORK, DAY_SECONDS)
        in_region, in_chat, in_mailbox = [await self._add(*each, DAY_SECONDS) for each in (region, chat, mailbox)]
        is_attacked = in_chat > CODES_PER_CHAT or in_mailbox > CODES_PER_MAILBOX
        if is_attacked and in_region > CODES_OF_A_QUIET_REGION:
            raise TooManyAttempts(retry_after=self._seconds_left(DAY_SECONDS))

    async def forget_code(self, *, chat_id: str, email: str, address: str) -> None:
        """Remove a correct code from the daily counts. Raises Unavailable."""
        for counter in _code_counters(chat_id, email, address):
            await self._add(*counter, DAY_SECONDS, by=-1)

    async def succeeded(self, *, email: str, address: str) -> None:
        """Reset the attempts on this account from the address. Raises Unavailable."""
        await self._accounts.forget_attempts(self._key("account", f"{email} {address}"))

    async def _count(self, kind: str, value: str, limit: int, seconds: int = WINDOW_SECONDS) -> None:
        if await self._add(kind, value, seconds) > limit:
            raise TooManyAttempts(retry_after=self._seconds_left(seconds))

    async def _add(self, kind: str, value: str, seconds: int, *, by: int = 1) -> int:
        ends = self._clock.now().timestamp() // seconds * seconds + seconds
        key, window_ends = self._key(kind, value, seconds), datetime.fromtimestamp(ends, UTC)
        return await self._accounts.count_attempt(key, window_ends=window_ends, by=by)

    def _seconds_left(self, seconds: int) -> int:
        """Return the seconds until the window ends."""
        return max(1, round(seconds - self._clock.now().timestamp() % seconds))

    def _key(self, kind: str, value: str, seconds: int = WINDOW_SECONDS) -> str:
        window = int(self._clock.now().timestamp() // seconds)
        return f"{kind}:{hashlib.sha256(value.encode()).hexdigest()}:{window}"


def _code_counters(chat_id: str, email: str, address: str) -> tuple[tuple[str, str], ...]:
    """Return the daily counters of a code: network, region, chat and mailbox."""
    network, region = wider_networks(address)
    return (
        ("code-network", f"{chat_id} {network}"),
        ("code-region", f"{chat_id} {region}"),
        ("code-chat", chat_id),
        ("code-mailbox", f"{chat_id} {email}"),
    )
