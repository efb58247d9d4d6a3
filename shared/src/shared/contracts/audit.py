"""Who did what: the entries of the audit log."""

from datetime import datetime
from typing import Any, Literal

import msgspec


class Actor(msgspec.Struct, frozen=True):
    """Who acts: a person, or the holder of a key."""

    id: str
    name: str
    kind: Literal["user", "key", "system"] = "user"


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One deed. `before` and `after` hold what changed, never a secret.

    `place` orders all entries of a workspace: later ones are greater.
    """

    id: str
    place: str
    at: datetime
    workspace_id: str
    actor: Actor
    action: str
    """`thing.deed`, as `workflow.deployed`."""
    target_id: str
    target_name: str = ""
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


class AuditQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries: those before a place, at most so many, and only these where it is said."""

    workspace_id: str
    before: str | None = None
    limit: int = 50
    action: str | None = None
    actor_id: str | None = None
    target_id: str | None = None


def audit_entry(
    entry_id: str,
    at: datetime,
    workspace_id: str,
    actor: Actor,
    action: str,
    *,
    target_id: str,
    target_name: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> AuditEntry:
    """An entry in its place."""
    return AuditEntry(
        id=entry_id,
        place=f"{int(at.timestamp() * 1_000_000):018d}-{entry_id}",
        at=at,
        workspace_id=workspace_id,
        actor=actor,
        action=action,
        target_id=target_id,
        target_name=target_name,
        before=before,
        after=after,
    )
