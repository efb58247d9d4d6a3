"""Storage of attached runs' records."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from jobs_service.runs.ports import RunResult
from shared.contracts.messages import RunBegan, RunRecorded


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A record of an attached run, with its result once it has ended."""

    record: RunBegan | RunRecorded
    result: RunResult | None = None


class RecordRepository(Protocol):
    """Records of attached runs."""

    async def write(self, records: Sequence[RecordedRun]) -> None:
        """Store records; ended runs stay unchanged."""
