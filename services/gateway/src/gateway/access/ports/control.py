"""What every process is told."""

from typing import Protocol

from shared.contracts.messages import ControlMessage


class Control(Protocol):
    """To every process."""

    async def broadcast(self, message: ControlMessage) -> None:
        """Raises Unavailable."""
        ...
