"""Who did what."""

from typing import Protocol

from shared.contracts.audit import AuditEntry, AuditPage, AuditQuery


class AuditEntries(Protocol):
    """The audit log."""

    async def find(self, query: AuditQuery) -> AuditPage:
        """Newest first, and fewer than are wanted where looking for more takes long. Raises Unavailable."""
        ...

    async def add(self, *entries: AuditEntry) -> None:
        """Keep them. Never raises: the deed is done."""
        ...
