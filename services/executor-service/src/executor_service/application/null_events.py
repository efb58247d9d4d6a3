"""Events and recordings that are not stored."""

from typing import Final

from executor_service.engine.recorder import RunRecording
from shared.contracts.events import RunEvent
from shared.contracts.runs import RunOutcome


class NullRunEvents:
    """Discards the events of runs that cannot be followed."""

    async def begin(self, listener: str | None) -> None:
        """Do nothing."""

    async def emit(self, event: RunEvent) -> None:
        """Drop the event."""

    def follow(self, address: str) -> None:
        """Do nothing."""

    async def close(self, outcome: RunOutcome | None = None) -> None:
        """Do nothing."""


class NullRecordings:
    """Implements Recordings; discards them."""

    def put(self, recording: RunRecording) -> None:
        pass


NO_RECORDINGS: Final = NullRecordings()
