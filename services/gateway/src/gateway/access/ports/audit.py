"""Port of the audit log."""

from typing import Protocol

from shared.contracts.audit import AuditEntry, AuditPage, AuditQuery


class AuditEntries(Protocol):
    async def find(self, query: AuditQuery) -> AuditPage:
        """Return entries, newest first; fewer than requested if a search takes long. Raises Unavailable."""

    async def add(self, *entries: AuditEntry) -> None:
        """Store entries. Never raises: the action has already happened."""
