"""Storage of cancels of unknown runs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PendingCancel:
    """A cancel of a run that was unknown then."""

    run_id: str
    workspace_id: str
    workflow_id: str


class PendingCancelRepository(Protocol):
    """Cancels of unknown runs, stored for a while."""

    async def add(self, cancel: PendingCancel) -> None: ...

    async def find(self, run_ids: Iterable[str]) -> Sequence[PendingCancel]: ...
