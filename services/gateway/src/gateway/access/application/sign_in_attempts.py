"""How often somebody may try to get in: from an address, to one account and to all. Counted for all gateways together.

An account is never closed to everybody: whoever guesses at it from elsewhere cannot keep its owner out.
"""

import hashlib
from datetime import UTC, datetime
from typing import Final

from gateway.access.domain.limit_errors import TooManyAttempts
from gateway.access.ports.accounts import Accounts
from shared.clock import Clock

WINDOW_SECONDS: Final = 900
PER_ACCOUNT: Final = 10
PER_ADDRESS: Final = 50
PER_MAILBOX: Final = 3


class SignInAttempts:
    """Counts first and looks then, so that many tries at once are counted too."""

    def __init__(self, accounts: Accounts, clock: Clock) -> None:
        self._accounts = accounts
        self._clock = clock

    async def count(self, *, email: str, address: str) -> None:
        """One try. Raises TooManyAttempts, Unavailable."""
        await self._count("address", address, PER_ADDRESS)
        await self._count("account", f"{email} {address}", PER_ACCOUNT)

    async def count_guess(self, *, what: str, address: str) -> None:
        """One guess from `address` at the password of `what`. Raises TooManyAttempts, Unavailable."""
        await self._count(what, address, PER_ACCOUNT)

    async def count_mail(self, *, to: str, address: str) -> None:
        """One mail to the mailbox `to` that `address` asks for. Raises TooManyAttempts, Unavailable."""
        await self._count("mail", address, PER_ADDRESS)
        await self._count("mailbox", to, PER_MAILBOX)

    async def count_code(self, *, chat_id: str, address: str) -> None:
        """One code from `address`: one house may have many people. Raises TooManyAttempts, Unavailable."""
        await self._count("code", f"{chat_id} {address}", PER_ADDRESS)

    async def succeeded(self, *, email: str, address: str) -> None:
        """The tries to this account from there are forgiven. Raises Unavailable."""
        await self._accounts.forget_attempts(self._key("account", f"{email} {address}"))

    async def _count(self, kind: str, value: str, limit: int) -> None:
        now = self._clock.now().timestamp()
        ends = (now // WINDOW_SECONDS + 1) * WINDOW_SECONDS
        counted = await self._accounts.count_attempt(
            self._key(kind, value), window_ends=datetime.fromtimestamp(ends, UTC)
        )
        if counted > limit:
            raise TooManyAttempts(retry_after=max(1, round(ends - now)))

    def _key(self, kind: str, value: str) -> str:
        window = int(self._clock.now().timestamp() // WINDOW_SECONDS)
        return f"{kind}:{hashlib.sha256(value.encode()).hexdigest()}:{window}"
