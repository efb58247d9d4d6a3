"""Storage of the search index."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol


class IndexedRun(NamedTuple):
    """An ended run, and the hashes of its words."""

    run_id: str
    workspace_id: str
    workflow_id: str
    created_ms: int
    expires_at: datetime
    hashes: bytes


class SearchIndex(Protocol):
    """Index of runs by the hashes of their words."""

    async def add(self, runs: Sequence[IndexedRun]) -> None:
        """Add runs."""
