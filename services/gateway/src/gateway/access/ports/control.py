"""Broadcasts to every process."""

from typing import Protocol

from shared.contracts.messages import ControlMessage


class Control(Protocol):
    """Port of broadcasts."""

    async def broadcast(self, message: ControlMessage) -> None:
        """Raises Unavailable."""
