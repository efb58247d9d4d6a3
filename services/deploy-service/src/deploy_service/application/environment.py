"""Environment values of a workspace: users write them, only workers read them."""

from collections.abc import Collection
from typing import Final

from deploy_service.adapters.mongo_environment import MongoEnvironment
from deploy_service.application.timestamps import timestamp
from deploy_service.domain.environment import EnvironmentEntry
from deploy_service.domain.validation import ENVIRONMENT_VALUE_LIMIT, checked_environment_name, checked_text
from shared.clock import Clock
from shared.contracts import deployments as contracts
from shared.errors import InvalidRequest, NotFound
from shared.security.aes_gcm import AesGcmKeyRing

ENTRIES_LIMIT: Final = 1_000


class EnvironmentService:
    """Encrypts written values, and decrypts them for workers."""

    def __init__(self, entries: MongoEnvironment, keys: AesGcmKeyRing, clock: Clock) -> None:
        self._entries = entries
        self._keys = keys
        self._clock = clock

    async def names(self, workspace_id: str) -> contracts.EnvironmentNames:
        """Return the names, without values."""
        return contracts.EnvironmentNames(tuple(await self._entries.names(workspace_id)))

    async def open(
        self, workspace_id: str, user_id: str | None = None, names: Collection[str] | None = None
    ) -> contracts.Environment:
        """Return the decrypted values of `names`, or all. The workspace's values override the user's own.

        Raises Unavailable if one cannot be decrypted.
        """
        own = {} if user_id is None else await self._decrypted(contracts.personal_workspace_id(user_id), names)
        return contracts.Environment({**own, **await self._decrypted(workspace_id, names)})

    async def _decrypted(self, place: str, names: Collection[str] | None) -> dict[str, str]:
        found = await self._entries.entries(place, names)
        return {entry.name: self._keys.open(entry.sealed, workspace_id=place, name=entry.name) for entry in found}

    async def set(self, workspace_id: str, name: str, request: contracts.SetEnvironmentValue) -> None:
        """Store a value. Raises InvalidRequest, Unavailable."""
        value = checked_text("value", request.value, ENVIRONMENT_VALUE_LIMIT)
        sealed = self._keys.seal(value, workspace_id=workspace_id, name=checked_environment_name(name))
        entry = EnvironmentEntry(
            workspace_id=workspace_id,
            name=name,
            sealed=sealed,
            updated_at=timestamp(self._clock),
            updated_by=request.actor_id,
        )
        if not await self._entries.put(entry, limit=ENTRIES_LIMIT):
            raise InvalidRequest(f"A workspace can have at most {ENTRIES_LIMIT} environment values. Delete one first.")

    async def delete(self, workspace_id: str, name: str) -> None:
        """Delete a value. Raises NotFound."""
        if not await self._entries.delete(workspace_id, name):
            raise NotFound("Environment value not found")
