"""Credential revocation on every gateway."""

import asyncio
from collections.abc import Callable, Iterable

from gateway.access.ports import Control
from shared.contracts.messages import ControlMessage, KeyRevoked
from shared.errors import Unavailable
from shared.observe.logging import get_logger

log = get_logger("revocations")


class Revocations:
    """Broadcaster of revocations. Caches that miss the broadcast expire with their lease, which `settle` waits for."""

    def __init__(self, control: Control, *, settle_seconds: float) -> None:
        self._control = control
        self._settle_seconds = settle_seconds
        self._here: list[Callable[[ControlMessage], None]] = []

    def add_local_listener(self, listener: Callable[[ControlMessage], None]) -> None:
        """Notify this process directly, independent of the broker."""
        self._here.append(listener)

    async def forget(self, hashes: Iterable[str]) -> None:
        """Revoke these keys or session tokens."""
        for key_hash in hashes:
            message = KeyRevoked(key_hash)
            for listener in self._here:
                listener(message)
            try:
                await self._control.broadcast(message)
            except Unavailable as error:
                log.warning("revocation_broadcast_failed", error=error.message)

    async def settle(self) -> None:
        """Wait until no gateway can still act on cached state."""
        await asyncio.sleep(self._settle_seconds)
