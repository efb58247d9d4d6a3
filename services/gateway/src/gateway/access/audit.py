"""Audit log. The gateway writes it because every action of a user or key enters here."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as BadBase64
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from gateway.access.credentials import Caller, Scope
from gateway.access.models import User
from shared.clock import Clock
from shared.contracts.audit import Actor, AuditEntry, AuditQuery, audit_entry
from shared.errors import InvalidRequest
from shared.ids import new_id
from shared.store.audit import AuditStore

_POSITION: Final = re.compile(r"[0-9]{18}(-[\w-]{1,80})?")


class AuditLog:
    """Writer and reader of audit entries."""

    def __init__(self, own: AuditStore, clock: Clock) -> None:
        self._own = own
        self._clock = clock

    async def record(
        self,
        caller: Caller,
        action: str,
        *,
        target_id: str,
        target_name: str = "",
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
    ) -> None:
        """Record an action of `caller` in the caller's workspace."""
        await self._own.add(
            audit_entry(
                new_id(),
                self._clock.now(),
                caller.workspace.id,
                actor_of(caller),
                action,
                target_id=target_id,
                target_name=target_name,
                before=before,
                after=after,
            )
        )

    async def record_in(self, workspace_ids: Sequence[str], user: User, action: str) -> None:
        """Record an action of `user` in all these workspaces."""
        now, actor = self._clock.now(), Actor(user.id, user.name)
        entries = [
            audit_entry(new_id(), now, workspace_id, actor, action, target_id=user.id, target_name=user.email)
            for workspace_id in workspace_ids
        ]
        if entries:
            await self._own.add(*entries)

    async def page(self, caller: Caller, query: AuditQuery) -> tuple[Sequence[AuditEntry], str | None]:
        """Return the workspace's entries, newest first, and the next cursor. Raises Forbidden, Unavailable."""
        caller.require_throughout(Scope.ADMIN)
        entries, before = await self._own.find(query)
        return entries, None if before is None else cursor_at(before)


def actor_of(caller: Caller) -> Actor:
    """Return the caller as an audit log actor."""
    return Actor(caller.actor_id, caller.actor_name, "key" if caller.key else "user")


def cursor_at(position: str) -> str:
    """Encode a position as an opaque cursor."""
    return urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")


def position_in(cursor: str | None) -> str | None:
    """Decode a cursor. Raises InvalidRequest."""
    if cursor is None:
        return None
    try:
        position = msgspec.json.decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=str)
    except (BadBase64, msgspec.DecodeError, ValueError):
        position = ""
    if not _POSITION.fullmatch(position):
        raise InvalidRequest("Invalid cursor")
    return position
