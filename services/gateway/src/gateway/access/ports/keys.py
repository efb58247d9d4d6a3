"""API keys."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from gateway.access.domain.credentials import ApiKey, Credential, Workspace


class Keys(Protocol):
    """API keys, in the gateway's own database. Every method raises Unavailable."""

    async def find(self, key_hash: str) -> Credential | None:
        """Return the key with this hash and its access, valid or not."""

    async def workspace(self, workspace_id: str) -> Workspace | None:
        """One workspace."""

    async def record_uses(self, uses: Mapping[str, datetime]) -> None:
        """Store each key's last use; an older time never replaces a newer one."""

    async def has_keys(self, workspace_id: str) -> bool:
        """Return whether the workspace has any key, revoked ones included."""

    async def add_key(self, key: ApiKey) -> None:
        """Store a key. Raises Conflict when its owner has one of this name."""

    async def key(self, key_id: str) -> ApiKey | None:
        """Return one key, revoked or not."""

    async def keys_of(self, *, workspace_id: str | None, user_id: str | None) -> Sequence[ApiKey]:
        """Return the keys of a workspace or user that are not revoked, newest first."""

    async def change_key(self, key_id: str, changes: Mapping[str, Any]) -> ApiKey | None:
        """Change the fields in `changes`; return the changed key, None if it is missing or revoked.

        Raises Conflict when its owner has another key of this name.
        """

    async def replace_key(self, old: ApiKey, retired: ApiKey, new: ApiKey) -> bool:
        """Store `new` under the name of `old`, and `old` as `retired`, in one transaction.

        Return False after a concurrent change, replacement or revocation of the old key.
        """

    async def revoke_key(self, key_id: str, at: datetime) -> bool:
        """Return whether the key was valid until now."""
