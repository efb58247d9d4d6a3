"""Storage operations that delete a workflow's or a workspace's data."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.contracts.erasure import Erase, Erased


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run that has not ended."""

    run_id: str
    workflow_id: str


class DeletionRepository(Protocol):
    """Permanent deletion."""

    async def open_runs(self, request: Erase, limit: int) -> Sequence[OpenRun]:
        """Return up to `limit` runs that have not ended."""

    async def erase(self, request: Erase, limit: int) -> Erased:
        """Delete ended runs with all their data, then the rest; up to `limit` documents of a kind.

        Runs that are not yet counted or booked stay for the next call.
        """
