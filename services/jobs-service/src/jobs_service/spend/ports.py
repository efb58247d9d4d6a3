"""What workspaces spend."""

from typing import Protocol

from shared.contracts.usage import Usage


class SpendBook(Protocol):
    """What workspaces spent on models, each run exactly once."""

    async def collect(self, limit: int) -> int:
        """Book up to `limit` ended runs; returns how many."""
        ...

    async def of_month(self, workspace_id: str, month: str) -> Usage:
        """The sum of one month, `YYYY-MM`."""
        ...
