"""Limits of sign-in attempts per address, per account and overall, shared by all gateways.

An account is never fully locked: attempts from elsewhere cannot lock its owner out.
"""

import hashlib
from datetime import UTC, datetime
from typing import Final

from gateway.access.domain.addresses import wider_networks
from gateway.access.domain.limit_errors import TooManyAttempts
from gateway.access.ports import Accounts
from shared.clock import Clock

WINDOW_SECONDS: Final = 900
PER_ACCOUNT: Final = 10
PER_ADDRESS: Final = 50
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

    def __init__(self, accounts: Accounts, clock: Clock) -> None:
        self._accounts = accounts
        self._clock = clock

    async def count(self, *, email: str, address: str) -> None:
        """Count an attempt. Raises TooManyAttempts, Unavailable."""
        await self._count("address", address, PER_ADDRESS)
        await self._count("account", f"{email} {address}", PER_ACCOUNT)

    async def count_guess(self, *, what: str, address: str) -> None:
        """Count a password guess for `what` from `address`. Raises TooManyAttempts, Unavailable."""
        await self._count(what, address, PER_ACCOUNT)

    async def count_mail(self, *, to: str, address: str) -> None:
        """Count a mail to `to` requested by `address`. Raises TooManyAttempts, Unavailable."""
        await self._count("mail", address, PER_ADDRESS)
        await self._count("mailbox", to, PER_MAILBOX)

    async def count_code(self, *, chat_id: str, email: str, address: str) -> None:
        """Count one code from `address`. Raises TooManyAttempts, Unavailable.

        A chat or mailbox under attack stays open to networks that sent no wrong codes.
        """
        await self._count("code", f"{chat_id} {address}", PER_ADDRESS)
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
