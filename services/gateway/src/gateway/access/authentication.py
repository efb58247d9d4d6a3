"""Authentication of callers by key or session."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from gateway.access.credentials import Caller, Credential, Scope, Workspace, caller_of, presented_key, presented_session
from gateway.access.models import InvalidKey
from gateway.access.sessions import ActiveSession, Sessions
from gateway.access.store import KeyStore
from gateway.lookup_cache import LookupCache
from shared.clock import Clock
from shared.contracts.deployments import Endpoint
from shared.contracts.messages import ControlMessage, KeyRevoked
from shared.errors import Unauthenticated, Unavailable
from shared.observe.logging import get_logger
from shared.security.api_keys import hash_key, is_mistyped
from shared.tasks import cancel_task, run_periodically

FLUSH_SECONDS: Final = 15.0


MAX_NOTED: Final = 10_000


log = get_logger("key_usage")


class KeyUsage:
    """Buffer of the newest use of each key."""

    def __init__(self, keys: KeyStore, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock
        self._noted: dict[str, datetime] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the periodic flush."""
        self._task = asyncio.create_task(run_periodically(self.flush, every=FLUSH_SECONDS, name="key_usage"))

    async def stop(self) -> None:
        """Stop, and write the buffered uses."""
        await cancel_task(self._task)
        await self.flush()

    def record_use(self, key_id: str) -> None:
        """Record a use of the key now."""
        if key_id in self._noted or len(self._noted) < MAX_NOTED:
            self._noted[key_id] = self._clock.now()

    async def flush(self) -> None:
        """Write buffered uses. Uses that fail to write are dropped: they are informational."""
        noted, self._noted = self._noted, {}
        if not noted:
            return
        try:
            await self._keys.record_uses(noted)
        except Unavailable as error:
            log.warning("key_uses_not_recorded", keys=len(noted), error=error.message)


LEASE_SECONDS: Final = 1.0


NO_CREDENTIAL: Final = ({"path": "x-api-key", "message": "Send an API key in the header x-api-key"},)
"""Details of an error for a call without a key or session."""


class Authentication:
    """Authenticator that caches keys and sessions for at most a second; during a store outage it knows none."""

    def __init__(self, keys: KeyStore, sessions: Sessions, uses: KeyUsage, clock: Clock, *, cookie: str) -> None:
        self._clock = clock
        self._uses = uses
        self._cookie = cookie
        self._credentials: LookupCache[Credential | None] = LookupCache(
            keys.find, clock, seconds=LEASE_SECONDS, what="keys"
        )
        self._sessions_by_token: LookupCache[ActiveSession | None] = LookupCache(
            sessions.active_session, clock, seconds=LEASE_SECONDS, what="sessions"
        )
        self._sessions_by_id: LookupCache[ActiveSession | None] = LookupCache(
            sessions.active_session_by_id, clock, seconds=LEASE_SECONDS, what="sessions"
        )
        self._workspaces: LookupCache[Workspace | None] = LookupCache(
            keys.workspace, clock, seconds=LEASE_SECONDS, what="workspaces"
        )

    async def caller(self, headers: Mapping[str, str]) -> Caller | None:
        """Return the caller, None without a key or valid session. A wrong key never falls back to a session.

        Raises InvalidKey, NoWorkspace, PersonalKeysForbidden, Unavailable.
        """
        key = presented_key(headers)
        if key is None:
            active_session = await self.active_session(headers)
            if active_session is None:
                return None
            return caller_of(active_session.grants, user=active_session.user, session_id=active_session.session.id)
        if is_mistyped(key):
            raise InvalidKey
        return self._holder(await self._credentials.get(hash_key(key)))

    async def active_session(self, headers: Mapping[str, str]) -> ActiveSession | None:
        """Return the signed-in user's session, or None. Raises Unavailable."""
        token = presented_session(headers, self._cookie)
        if token is None:
            return None
        active_session = await self._sessions_by_token.get(hash_key(token))
        if active_session is None or not active_session.session.is_valid(self._clock.now()):
            return None
        return active_session

    async def confirm(self, caller: Caller) -> None:
        """Check the key again: it may have been revoked during the call. Raises InvalidKey, Unavailable."""
        if caller.key is None:
            return
        credential = await self._credentials.get(caller.key.key_hash)
        if credential is None or credential.key is not caller.key or not caller.key.is_valid(self._clock.now()):
            self._holder(credential)  # not the one that identified the caller

    async def recheck(self, caller: Caller, workflow_id: str) -> None:
        """Check a caller that had access to this workflow before.

        Raises Unauthenticated, Forbidden, Unavailable. A session is found by its id: its token may have been renewed.
        """
        if caller.key is not None:
            now = self._holder(await self._credentials.get(caller.key.key_hash))
        else:
            active_session = await self._sessions_by_id.get(caller.session_id or "")
            if active_session is None or not active_session.session.is_valid(self._clock.now()):
                raise Unauthenticated("Unauthorized")
            now = caller_of(active_session.grants, user=active_session.user)
        now.on(caller.workspace.id, workflow_id).require(Scope.READ, Scope.EXECUTE)

    async def require(self, headers: Mapping[str, str], *, message: str = "Unauthorized") -> Caller:
        """Return the caller. Raises Unauthenticated with `message` without a key, InvalidKey, Unavailable."""
        caller = await self.caller(headers)
        if caller is None:
            raise Unauthenticated(message, details=NO_CREDENTIAL)
        return caller

    async def public_caller(self, endpoint: Endpoint | None, address: str) -> Caller:
        """Return the public caller at `address`, if the endpoint is public.

        Raises Unauthenticated, which reveals nothing about the endpoint, and Unavailable.
        """
        if endpoint is not None and endpoint.is_public and endpoint.is_deployed:
            return await self.visitor(endpoint.workspace_id, address)
        raise Unauthenticated("Unauthorized", details=NO_CREDENTIAL)

    async def visitor(self, workspace_id: str, address: str) -> Caller:
        """Return a caller at `address` that another rule admits. Raises Unauthenticated, Unavailable."""
        workspace = await self._workspaces.get(workspace_id)
        if workspace is None:
            raise Unauthenticated("Unauthorized")
        return Caller(workspace, frozenset({Scope.EXECUTE}), address=address)

    def on_control(self, message: ControlMessage) -> None:
        """Drop a revoked key or ended session from the caches."""
        if isinstance(message, KeyRevoked):
            self._credentials.drop(message.key_hash)
            self._sessions_by_token.drop(message.key_hash)
            self._sessions_by_id.clear()

    def forget(self) -> None:
        """Clear the caches: permissions have changed."""
        for leases in (self._credentials, self._sessions_by_token, self._sessions_by_id, self._workspaces):
            leases.clear()

    def _holder(self, credential: Credential | None) -> Caller:
        if credential is None or not credential.key.is_valid(self._clock.now()):
            raise InvalidKey
        self._uses.record_use(credential.key.id)
        return caller_of(credential.grants, key=credential.key, user=credential.user)
