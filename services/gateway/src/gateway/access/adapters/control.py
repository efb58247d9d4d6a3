"""Subscriber of broadcasts: revoked keys, changed live versions."""

from collections.abc import Callable, Sequence

from shared.broker.ports import ControlBus, Subscription
from shared.contracts.messages import ControlMessage


class ControlListener:
    """Subscriber that passes each broadcast to every handler."""

    def __init__(self, control: ControlBus, handlers: Sequence[Callable[[ControlMessage], None]]) -> None:
        self._control = control
        self._handlers = handlers
        self._subscription: Subscription | None = None

    async def start(self) -> None:
        """Subscribe. Raises BrokerUnavailable."""
        self._subscription = await self._control.listen(self._on_message)

    async def stop(self) -> None:
        """Unsubscribe."""
        if self._subscription is not None:
            await self._subscription.close(grace=0)
            self._subscription = None

    def _on_message(self, message: ControlMessage) -> None:
        for handler in self._handlers:
            handler(message)
