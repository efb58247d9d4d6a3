"""Storage of workspaces' spend."""

from typing import Protocol

from shared.contracts.runs import Usage


class SpendRepository(Protocol):
    """Model costs of workspaces, each run exactly once."""

    async def collect(self, limit: int) -> int:
        """Book up to `limit` ended runs; return how many."""

    async def of_month(self, workspace_id: str, month: str) -> Usage:
        """Return the sum of one month, `YYYY-MM`."""
