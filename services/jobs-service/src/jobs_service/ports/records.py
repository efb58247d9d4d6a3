"""What attached runs tell of themselves, and cancels that came before them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from jobs_service.ports.runs import Result
from shared.contracts.messages import RunBegan, RunRecorded


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A record of an attached run and, once it has ended, what it leaves behind."""

    record: RunBegan | RunRecorded
    result: Result | None = None


class Records(Protocol):
    """What attached runs tell of themselves."""

    async def write(self, records: Sequence[RecordedRun]) -> None:
        """Store them; a run that has ended is left as it is."""
        ...


@dataclass(frozen=True, slots=True)
class RememberedCancel:
    """A cancel of a run that was not known then."""

    run_id: str
    workspace_id: str
    workflow_id: str


class CancelMemory(Protocol):
    """Cancels of runs that have not been seen, for a while."""

    async def remember(self, cancel: RememberedCancel) -> None: ...

    async def recall(self, run_ids: Iterable[str]) -> Sequence[RememberedCancel]: ...
