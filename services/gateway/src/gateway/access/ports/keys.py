"""API keys."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from gateway.access.domain.credentials import ApiKey, Credential, Workspace


class Keys(Protocol):
    """API keys, in the gateway's own database. Every method raises Unavailable."""

    async def find(self, key_hash: str) -> Credential | None:
        """The key with this hash and what it opens, good or not."""
        ...

    async def workspace(self, workspace_id: str) -> Workspace | None:
        """One workspace."""
        ...

    async def record_uses(self, uses: Mapping[str, datetime]) -> None:
        """When each key was used last; an older time never replaces a newer one."""
        ...

    async def has_keys(self, workspace_id: str) -> bool:
        """Whether the workspace has any key, revoked ones included."""
        ...

    async def add_key(self, key: ApiKey) -> None:
        """Store a key. Raises Conflict when its owner has one of this name."""
        ...

    async def key(self, key_id: str) -> ApiKey | None:
        """One key, revoked or not."""
        ...

    async def keys_of(self, *, workspace_id: str | None, user_id: str | None) -> Sequence[ApiKey]:
        """The keys of a workspace or of a user that are not revoked, newest first."""
        ...

    async def change_key(self, key_id: str, changes: Mapping[str, Any]) -> ApiKey | None:
        """Give it what `changes` name, and nothing else; as it is then, None where it is gone or revoked.

        Raises Conflict when its owner has another of this name.
        """
        ...

    async def replace_key(self, old: ApiKey, retired: ApiKey, new: ApiKey) -> bool:
        """Store `new` under the name of `old`, and `old` as `retired`: both or neither.

        False where somebody else changed, replaced or revoked the old one meanwhile.
        """
        ...

    async def revoke_key(self, key_id: str, at: datetime) -> bool:
        """Says whether it was good until now."""
        ...
