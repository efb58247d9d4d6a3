"""Reply inboxes and control listeners in memory."""

import asyncio
from collections import deque
from collections.abc import Callable

from shared.broker.in_flight import notify
from shared.broker.message_bodies import decode_batch
from shared.broker.ports import ReplyOverflow
from shared.broker.queue_topology import PrivateQueue
from shared.contracts.messages import ControlMessage, EventBatch


class Inbox:
    """Batches for one reader, delivered in the next event-loop turn."""

    def __init__(
        self, spec: PrivateQueue, on_batch: Callable[[EventBatch], None], forget: Callable[["Inbox"], None]
    ) -> None:
        self._address = spec.new_name()
        self._bound = spec.max_length
        self._on_batch = on_batch
        self._forget = forget
        self._bodies: deque[bytes] = deque()

    @property
    def address(self) -> str:
        """Return the address that senders use."""
        return self._address

    def put(self, body: bytes) -> None:
        """Enqueue one batch, or raise ReplyOverflow."""
        if len(self._bodies) >= self._bound:
            raise ReplyOverflow(f"reply queue {self._address} is full: its reader is too slow")
        if not self._bodies:
            asyncio.get_running_loop().call_soon(self._deliver)
        self._bodies.append(body)

    async def close(self) -> None:
        """Stop receiving."""
        self._bodies.clear()
        self._forget(self)

    def _deliver(self) -> None:
        while self._bodies:
            notify(self._on_batch, decode_batch(self._bodies.popleft()))


class Listener:
    """One subscription to the control bus."""

    def __init__(self, on_message: Callable[[ControlMessage], None], forget: Callable[["Listener"], None]) -> None:
        self._on_message = on_message
        self._forget = forget

    def deliver(self, message: ControlMessage) -> None:
        """Deliver one message in the next event-loop turn."""
        asyncio.get_running_loop().call_soon(notify, self._on_message, message)

    async def stop_consuming(self) -> None:
        """Unsubscribe."""
        self._forget(self)

    async def close(self, *, grace: float) -> None:
        """Unsubscribe."""
        self._forget(self)
