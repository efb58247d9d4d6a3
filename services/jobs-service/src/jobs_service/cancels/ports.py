"""Storage of cancels of unknown runs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RememberedCancel:
    """A cancel of a run that was unknown then."""

    run_id: str
    workspace_id: str
    workflow_id: str


class CancelMemory(Protocol):
    """Cancels of unknown runs, stored for a while."""

    async def remember(self, cancel: RememberedCancel) -> None: ...

    async def recall(self, run_ids: Iterable[str]) -> Sequence[RememberedCancel]: ...
