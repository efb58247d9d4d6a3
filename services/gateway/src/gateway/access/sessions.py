"""Sign-in: password hashes, attempts and sessions."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gateway.access.addresses import wider_networks
from gateway.access.audit import AuditLog
from gateway.access.domain.accounts import Account, User, checked_password
from gateway.access.domain.credentials import Grant
from gateway.access.domain.sessions import ROTATION_GRACE, Session, new_session, new_token
from gateway.access.errors import SignInRefused, TooManyAttempts
from gateway.access.ports import Accounts, Passwords, Workspaces
from gateway.access.revocations import Revocations
from shared.clock import Clock
from shared.errors import Unavailable
from shared.ids import new_id
from shared.security.api_keys import hash_key

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

    def __init__(self, accounts: Accounts, clock: Clock) -> None:
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


@dataclass(frozen=True, slots=True)
class ActiveSession:
    """Session with its user and accessible workspaces."""

    session: Session
    user: User
    grants: tuple[Grant, ...]


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Session and its token, shown only once."""

    user: User
    session: Session
    token: str


class Sessions:
    """Service that creates, finds, renews and ends sessions."""

    def __init__(
        self,
        accounts: Accounts,
        workspaces: Workspaces,
        *,
        passwords: Passwords,
        attempts: SignInAttempts,
        revocations: Revocations,
        audit: AuditLog,
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._workspaces = workspaces
        self._passwords = passwords
        self._attempts = attempts
        self._revocations = revocations
        self._audit = audit
        self._clock = clock

    async def active_session(self, token_hash: str) -> ActiveSession | None:
        """Return the session of the token, None if invalid. Raises Unavailable."""
        return await self._active_session(await self._accounts.session(token_hash))

    async def active_session_by_id(self, session_id: str) -> ActiveSession | None:
        """Return the session with this id, whatever its current token; None if it has ended. Raises Unavailable."""
        return await self._active_session(await self._accounts.session_with_id(session_id))

    async def _active_session(self, session: Session | None) -> ActiveSession | None:
        if session is None or not session.is_valid(self._clock.now()):
            return None
        account = await self._accounts.account(session.user_id)
        if account is None:
            return None
        return ActiveSession(session, account.user, await self._workspaces.grants(account.user.id))

    async def sign_in(self, email: str, password: str, *, address: str, user_agent: str) -> SignedIn:
        """Create a session. Raises SignInRefused, TooManyAttempts, Unavailable."""
        email = email.strip().lower()
        await self._attempts.count(email=email, address=address)
        account = await self._accounts.account_by_email(email)
        is_right = await self._passwords.verify(password, account.password_hash if account else None, address=address)
        if account is None or not is_right:
            raise SignInRefused
        await self._attempts.succeeded(email=email, address=address)
        signed_in = await self._create_session(account.user, address=address, user_agent=user_agent)
        now = await self._accounts.account(account.user.id)
        if now is None or now.password_hash != account.password_hash:
            # The password changed during the check. The change ended all sessions, but maybe before this one existed.
            await self._accounts.end_session(signed_in.session.id)
            raise SignInRefused
        await self._record(account.user, "session.signed_in")
        return signed_in

    async def begin(self, user: User, *, address: str, user_agent: str) -> SignedIn:
        """Create a session for the authenticated `user`. Raises Unavailable."""
        signed_in = await self._create_session(user, address=address, user_agent=user_agent)
        await self._record(user, "session.signed_in")
        return signed_in

    async def renew(self, session: Session) -> tuple[Session, str] | None:
        """Renew the token if due and not renewed concurrently. Raises Unavailable."""
        now = self._clock.now()
        if not session.wants_rotation(now):
            return None
        token = new_token()
        renewed = session.renewed(token, now)
        is_replaced = await self._accounts.rotate_session(session.token_hash, renewed, old_until=now + ROTATION_GRACE)
        return (renewed, token) if is_replaced else None

    async def sign_out(self, token: str) -> ActiveSession | None:
        """End the session; return its user. Raises Unavailable."""
        active_session = await self.active_session(hash_key(token))
        if active_session is not None:
            await self._revocations.forget(await self._accounts.end_session(active_session.session.id))
            await self._record(active_session.user, "session.signed_out")
        return active_session

    async def change_password(self, active_session: ActiveSession, current: str, new: str) -> None:
        """Change the password and end all other sessions of the user.

        Raises SignInRefused, InvalidRequest, TooManyAttempts, Unavailable.
        """
        account = await self._accounts.account(active_session.user.id)
        await self._attempts.count(email=active_session.user.email, address=active_session.session.address)
        address = active_session.session.address
        if account is None or not await self._passwords.verify(current, account.password_hash, address=address):
            raise SignInRefused
        password_hash = await self._passwords.hash(checked_password(new), address=address)
        await self._accounts.set_password(active_session.user.id, password_hash)
        ended = await self._accounts.end_sessions(active_session.user.id, but=active_session.session.id)
        await self._revocations.forget(ended)
        await self._record(active_session.user, "session.password_changed")

    async def register(self, email: str, name: str, password: str) -> User:
        """Create an account. Raises Conflict when the address has one, InvalidRequest, Unavailable."""
        user = User(id=new_id(), email=email, name=name, created_at=self._clock.now())
        password_hash = await self._passwords.hash(checked_password(password))
        await self._accounts.add_account(Account(user=user, password_hash=password_hash))
        return user

    async def _create_session(self, user: User, *, address: str, user_agent: str) -> SignedIn:
        token = new_token()
        session = new_session(new_id(), token, user, self._clock.now(), address=address, user_agent=user_agent)
        await self._accounts.add_session(session)
        return SignedIn(user, session, token)

    async def _record(self, user: User, action: str) -> None:
        grants = await self._workspaces.grants(user.id)
        await self._audit.record_in([grant.workspace.id for grant in grants], user, action)
