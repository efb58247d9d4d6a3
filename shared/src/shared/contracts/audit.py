"""Entries of the audit log."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

import msgspec


class Actor(msgspec.Struct, frozen=True):
    """A user, or the holder of a key."""

    id: str
    name: str
    kind: Literal["user", "key", "system"] = "user"


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One action. `before` and `after` hold the changes, never a secret.

    `place` orders all entries of a workspace: later ones are greater.
    """

    id: str
    place: str
    at: datetime
    workspace_id: str
    actor: Actor
    action: str
    """`object.action`, such as `workflow.deployed`."""
    target_id: str
    target_name: str = ""
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


class AuditQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Select entries before a place, up to a limit, optionally filtered."""

    workspace_id: str
    before: str | None = None
    limit: int = 50
    action: str | None = None
    actor_id: str | None = None
    target_id: str | None = None


class AuditPage(NamedTuple):
    """Entries, possibly fewer than requested, and the place to continue before, if any."""

    entries: Sequence[AuditEntry]
    next_before: str | None


def place_at(microseconds: int, entry_id: str = "") -> str:
    """Return an entry's place, by microseconds since the epoch; without an entry, the place before all at that time."""
    return f"{microseconds:018d}-{entry_id}" if entry_id else f"{microseconds:018d}"


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
    """Return an entry with its place."""
    return AuditEntry(
        id=entry_id,
        place=place_at(int(at.timestamp() * 1_000_000), entry_id),
        at=at,
        workspace_id=workspace_id,
        actor=actor,
        action=action,
        target_id=target_id,
        target_name=target_name,
        before=before,
        after=after,
    )
