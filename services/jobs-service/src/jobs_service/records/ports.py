"""What attached runs tell of themselves, and cancels that came before them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from jobs_service.runs.ports import Result
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
