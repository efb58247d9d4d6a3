"""Turns what a caller shows into who the caller is."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from gateway.application.leases import Leases
from gateway.domain.credentials import Caller, Credential, Scope, Workspace, presented_key
from gateway.domain.errors import InvalidKey
from gateway.ports import Keys
from shared.clock import Clock
from shared.contracts.deployments import Endpoint
from shared.contracts.messages import ControlMessage, KeyRevoked
from shared.errors import Unauthenticated, Unavailable
from shared.observe.logging import get_logger
from shared.security.keys import hash_key, is_mistyped

LEASE_SECONDS: Final = 1.0
USE_RECORDED_EVERY: Final = timedelta(minutes=10)
REMEMBERED_USES: Final = 10_000

log = get_logger("authentication")


class Authentication:
    """Knows keys for at most a second, and not at all while their store is away."""

    def __init__(self, keys: Keys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock
        self._credentials: Leases[Credential | None] = Leases(keys.find, clock, seconds=LEASE_SECONDS)
        self._workspaces: Leases[Workspace | None] = Leases(keys.workspace, clock, seconds=LEASE_SECONDS)
        self._uses: OrderedDict[str, float] = OrderedDict()
        self._recording: set[asyncio.Task[None]] = set()

    async def caller(self, headers: Mapping[str, str]) -> Caller | None:
        """Who calls, None when no key is shown. Raises InvalidKey, Unavailable."""
        shown = presented_key(headers)
        if shown is None:
            return None
        if is_mistyped(shown):
            raise InvalidKey
        credential = await self._credentials.get(hash_key(shown))
        if credential is None or not credential.key.is_good(self._clock.now()):
            raise InvalidKey
        self._note_use(credential)
        return Caller(credential.workspace, credential.key.scopes, credential.key)

    async def require(self, headers: Mapping[str, str], *, otherwise: str = "Unauthorized") -> Caller:
        """Who calls. Raises Unauthenticated with the text `otherwise` when no key is shown, InvalidKey, Unavailable."""
        caller = await self.caller(headers)
        if caller is None:
            raise Unauthenticated(otherwise)
        return caller

    async def public_caller(self, endpoint: Endpoint | None) -> Caller:
        """The public, where the endpoint is open to it.

        Raises Unauthenticated, which tells nothing about the endpoint, and Unavailable.
        """
        if endpoint is not None and endpoint.is_public and endpoint.is_deployed:
            workspace = await self._workspaces.get(endpoint.workspace_id)
            if workspace is not None:
                return Caller(workspace, frozenset({Scope.EXECUTE}))
        raise Unauthenticated("Unauthorized")

    def on_control(self, message: ControlMessage) -> None:
        """Forget a revoked key."""
        if isinstance(message, KeyRevoked):
            self._credentials.drop(message.key_hash)

    def _note_use(self, credential: Credential) -> None:
        key_id, now = credential.key.id, self._clock.monotonic()
        noted = self._uses.get(key_id)
        if noted is not None and now - noted < USE_RECORDED_EVERY.total_seconds():
            return
        self._uses[key_id] = now
        if len(self._uses) > REMEMBERED_USES:
            self._uses.popitem(last=False)
        task = asyncio.get_running_loop().create_task(self._record_use(key_id))
        self._recording.add(task)
        task.add_done_callback(self._recording.discard)

    async def _record_use(self, key_id: str) -> None:
        try:
            await self._keys.record_use(key_id, self._clock.now())
        except Unavailable as error:
            log.warning("key_use_not_recorded", key_id=key_id, error=error.message)
