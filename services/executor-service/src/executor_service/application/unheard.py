"""Events that are not kept."""

from shared.contracts.events import RunEvent
from shared.contracts.outcomes import RunOutcome


class Unheard:
    """The events of a run that nobody will ever ask for."""

    async def begin(self, listener: str | None) -> None:
        """Tell nobody."""

    async def emit(self, event: RunEvent) -> None:
        """Drop it."""

    def follow(self, address: str) -> None:
        """There is nothing to follow."""

    async def close(self, outcome: RunOutcome | None = None) -> None:
        """Tell nobody."""
