"""Deleting what is kept of a workflow or a workspace."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.contracts.erasure import Erase, Erased


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run that is not over."""

    run_id: str
    workflow_id: str


class Erasure(Protocol):
    """Deletes for good."""

    async def open_runs(self, asked: Erase, limit: int) -> Sequence[OpenRun]:
        """Up to `limit` runs that are not over."""
        ...

    async def erase(self, asked: Erase, limit: int) -> Erased:
        """Delete runs that are over, with all that they left, and then the rest; up to `limit` documents of a kind.

        Runs that others still have to take note of stay for the next time.
        """
        ...
