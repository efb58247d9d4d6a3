"""Revocation of credentials on every gateway, and the subscriber of broadcasts."""

import asyncio
from collections.abc import Callable, Iterable, Sequence

from gateway.access.ports import Control
from shared.broker.ports import ControlBus, Listener
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


class ControlListener:
    """Subscriber that passes each broadcast to every handler."""

    def __init__(self, control: ControlBus, handlers: Sequence[Callable[[ControlMessage], None]]) -> None:
        self._control = control
        self._handlers = handlers
        self._subscription: Listener | None = None

    async def start(self) -> None:
        """Subscribe. Raises BrokerUnavailable."""
        self._subscription = await self._control.listen(self._on_message)

    async def stop(self) -> None:
        """Unsubscribe."""
        if self._subscription is not None:
            await self._subscription.close()
            self._subscription = None

    def _on_message(self, message: ControlMessage) -> None:
        for handler in self._handlers:
            handler(message)
