"""Events that are not stored."""

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
