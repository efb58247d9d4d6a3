"""Makes every gateway forget a credential, and waits until all of them surely have."""

import asyncio
from collections.abc import Callable, Iterable

from gateway.access.ports.control import Control
from shared.contracts.messages import ControlMessage, KeyRevoked
from shared.errors import Unavailable
from shared.observe.logging import get_logger

log = get_logger("revocations")


class Revocations:
    """Tells every process by broadcast. What the broadcast misses ends with its lease: that is what `settle` awaits."""

    def __init__(self, control: Control, *, settle_seconds: float) -> None:
        self._control = control
        self._settle_seconds = settle_seconds
        self._here: list[Callable[[ControlMessage], None]] = []

    def also_tell(self, listener: Callable[[ControlMessage], None]) -> None:
        """Let this process hear at once, whatever the broker does."""
        self._here.append(listener)

    async def forget(self, hashes: Iterable[str]) -> None:
        """These keys or session tokens are good no more."""
        for key_hash in hashes:
            message = KeyRevoked(key_hash)
            for listener in self._here:
                listener(message)
            try:
                await self._control.broadcast(message)
            except Unavailable as error:
                log.warning("a revocation is not broadcast", error=error.message)

    async def settle(self) -> None:
        """Return when no gateway can still act on what it knew before."""
        await asyncio.sleep(self._settle_seconds)
