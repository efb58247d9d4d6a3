"""Port for runs that can be repaired."""

from typing import Protocol

from shared.contracts.repairs import FindRepairable, RepairablePage


class RepairableRuns(Protocol):
    """List of runs that can be repaired, also after their results expired for callers."""

    async def page(self, request: FindRepairable) -> RepairablePage:
        """Return one page. Raises InvalidRequest for an invalid cursor, Unavailable."""
