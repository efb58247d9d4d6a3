"""Sign-in: password hashes, attempts and sessions."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from gateway.access.audit import AuditLog
from gateway.access.credentials import (
    Grant,
)
from gateway.access.models import (
    ROTATION_GRACE,
    Account,
    Session,
    SignInRefused,
    User,
    checked_password,
    new_session,
    new_token,
)
from gateway.access.passwords import (
    Argon2Passwords,
    SignInAttempts,
)
from gateway.access.store import AccountStore, WorkspaceStore
from shared.broker.ports import ControlBus, Listener
from shared.clock import Clock
from shared.contracts.messages import ControlMessage, KeyRevoked
from shared.errors import Unavailable
from shared.ids import new_id
from shared.observe.logging import get_logger
from shared.security.api_keys import hash_key

log = get_logger("revocations")


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


class Revocations:
    """Broadcaster of revocations. Caches that miss the broadcast expire with their lease, which `settle` waits for."""

    def __init__(self, control: ControlBus, *, settle_seconds: float) -> None:
        self._control = control
        self._settle_seconds = settle_seconds
        self._here: list[Callable[[ControlMessage], None]] = []

    def add_local_listener(self, listener: Callable[[ControlMessage], None]) -> None:
        """Notify this process directly, independent of the broker."""
        self._here.append(listener)

    async def forget(self, hashes: Iterable[str]) -> None:
        """Revoke these keys or session tokens."""
        for key_hash in hashes:
            message = KeyRevoked(key_hash)
            for listener in self._here:
                listener(message)
            try:
                await self._control.broadcast(message)
            except Unavailable as error:
                log.warning("revocation_broadcast_failed", error=error.message)

    async def settle(self) -> None:
        """Wait until no gateway can still act on cached state."""
        await asyncio.sleep(self._settle_seconds)


class Sessions:
    """Service that creates, finds, renews and ends sessions."""

    def __init__(
        self,
        accounts: AccountStore,
        workspaces: WorkspaceStore,
        *,
        passwords: Argon2Passwords,
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


class ControlListener:
    """Subscriber that passes each broadcast to every handler."""

    def __init__(self, control: ControlBus, handlers: Sequence[Callable[[ControlMessage], None]]) -> None:
        self._control = control
        self._handlers = handlers
        self._subscription: Listener | None = None

    async def start(self) -> None:
        """Subscribe. Raises BrokerUnavailable."""
        self._subscription = await self._control.listen(self._on_message)

    async def stop(self) -> None:
        """Unsubscribe."""
        if self._subscription is not None:
            await self._subscription.close()
            self._subscription = None

    def _on_message(self, message: ControlMessage) -> None:
        for handler in self._handlers:
            handler(message)
