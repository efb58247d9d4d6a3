"""How often workflows have run."""

from collections.abc import Sequence
from typing import Protocol

from shared.contracts.tallies import RunTally


class Tallies(Protocol):
    """How many runs of each workflow have ended, and when the last of them did."""

    async def add(self, more: Sequence[RunTally]) -> None:
        """Add to what is known of these workflows."""
        ...

    async def of(self, workspace_id: str, workflow_ids: Sequence[str]) -> Sequence[RunTally]:
        """What is known of these workflows; nothing of one that never ran."""
        ...
