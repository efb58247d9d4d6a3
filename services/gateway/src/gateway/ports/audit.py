"""Who did what."""

from collections.abc import Sequence
from typing import Protocol

from shared.contracts.audit import AuditEntry, AuditQuery


class AuditEntries(Protocol):
    """The audit log."""

    async def find(self, query: AuditQuery) -> Sequence[AuditEntry]:
        """Newest first. Raises Unavailable."""
        ...

    async def add(self, *entries: AuditEntry) -> None:
        """Keep them. Never raises: the deed is done."""
        ...
