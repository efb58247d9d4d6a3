"""Interface of the adapter's AMQP client: single-use connections and channels.

Two clients implement it, ours (`flowport_amqp`) and aio-pika (`shared.broker.aio_pika`). Neither reconnects. Both
report the errors of `flowport_amqp.errors`.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

from flowport_amqp.address import Address
from flowport_amqp.confirms import OnSettled
from flowport_amqp.connection import OnAlarm
from flowport_amqp.errors import AmqpError
from flowport_amqp.properties import TRANSIENT
from flowport_amqp.wire import Table, Value
from shared.tracebacks import without_traceback


class ReceivedMessage(Protocol):
    """One delivery."""

    @property
    def tag(self) -> int:
        """Return the delivery tag."""

    @property
    def redelivered(self) -> bool:
        """Return whether it was delivered before."""

    @property
    def body(self) -> bytes:
        """Return the message body."""

    @property
    def headers(self) -> Mapping[str, Value]:
        """Return the headers set by the broker and the sender. Raises ProtocolError."""


class Channel(Protocol):
    """A channel. It never reopens; `closed` holds the reason once it has ended.

    Calls raise AmqpError: ChannelClosed, ConnectionClosed, CallTimeout.
    """

    closed: asyncio.Future[AmqpError]

    async def close(self) -> None:
        """Close the channel. Unsettled deliveries are requeued."""

    async def wait_closed(self) -> AmqpError:
        """Return why the channel ended, once it has."""

    async def declare_exchange(self, name: str, kind: str, *, durable: bool) -> None:
        """Declare an exchange of this kind, or check an existing one."""

    async def delete_exchange(self, name: str) -> None: ...

    async def declare_queue(self, name: str, options: Table) -> None:
        """Declare a durable queue, or check that an existing one matches."""

    async def declare_private_queue(self, name: str, options: Table) -> None:
        """Declare an exclusive queue, which the broker deletes with its consumer."""

    async def count_ready(self, queue: str) -> int:
        """Return the approximate number of messages waiting in an existing queue."""

    async def bind_queue(self, queue: str, exchange: str) -> None:
        """Bind a queue to an exchange."""

    async def delete_queue(self, name: str) -> None:
        """Delete a queue and its messages."""

    async def set_prefetch(self, count: int) -> None:
        """Limit the unsettled deliveries of each later consumer."""

    async def consume(
        self, queue: str, on_received: Callable[[ReceivedMessage], None], *, no_ack: bool, exclusive: bool = False
    ) -> str:
        """Call `on_received`, which must neither block nor raise, for each delivery; return the consumer tag."""

    async def cancel(self, tag: str) -> None:
        """Cancel the consumer with this tag."""

    def ack(self, tag: int) -> None:
        """Acknowledge a delivery. No effect once the channel is closed."""

    def reject(self, tag: int, *, requeue: bool) -> None:
        """Requeue or dead-letter a delivery. No effect once the channel is closed."""

    async def select_confirms(self) -> None:
        """Enable publisher confirms; call before the first publish."""

    async def publish(
        self,
        body: bytes,
        on_settled: OnSettled,
        *,
        exchange: str = "",
        routing_key: str,
        delivery_mode: int = TRANSIENT,
        expiration_ms: int | None = None,
        mandatory: bool = False,
    ) -> None:
        """Send a message; `on_settled` is called once with None or the reason of the failure.

        Messages of a channel keep their order. Raises PublishBlocked, ConfirmTimeout, ChannelClosed, ConnectionClosed.
        """


class Connection(Protocol):
    """A connection. It never reopens; `closed` holds the reason once it has ended."""

    closed: asyncio.Future[AmqpError]

    @property
    def alarm(self) -> str:
        """Return why publishing is blocked; empty while it is not."""

    async def open_channel(self) -> Channel:
        """Return a new channel. Raises ConnectionClosed, ChannelClosed."""

    async def close(self) -> None:
        """Disconnect."""

    async def wait_closed(self) -> AmqpError:
        """Return why the connection ended, once it has."""


class Connect(Protocol):
    """Opens connections."""

    async def __call__(
        self,
        address: Address,
        *,
        name: str,
        heartbeat: int,
        timeout: float,  # noqa: ASYNC109 - it is the limit of every later call as well
        on_alarm: OnAlarm = ...,
    ) -> Connection:
        """Connect within `timeout` seconds; each later call has the same limit. Raises ConnectionClosed."""


class PendingConfirms:
    """Publishes of one flush. Waiting for their confirms lets the next flush collect more messages.

    Calls `on_answered` once, after `close` and the last answer. The client's time limit bounds that.
    """

    def __init__(self, on_answered: Callable[[], None]) -> None:
        self._on_answered = on_answered
        self._open = 1
        """Unanswered publishes, and one for `close`."""

    def expect(self, on_settled: OnSettled) -> OnSettled:
        """Return a callback for one more publish."""
        self._open += 1
        return partial(self._settle, on_settled)

    def close(self) -> None:
        """Expect no more publishes."""
        self._open -= 1
        if not self._open:
            self._on_answered()

    def _settle(self, on_settled: OnSettled, error: AmqpError | None) -> None:
        try:
            on_settled(error)
        finally:
            self.close()


async def publish_confirmed(
    channel: Channel,
    body: bytes,
    *,
    routing_key: str,
    exchange: str = "",
    delivery_mode: int,
    expiration_ms: int | None = None,
    mandatory: bool,
) -> None:
    """Publish and wait for the broker's confirm. Raises whatever `Channel.publish` would report."""
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    await channel.publish(
        body,
        partial(resolve, answer),
        exchange=exchange,
        routing_key=routing_key,
        delivery_mode=delivery_mode,
        expiration_ms=expiration_ms,
        mandatory=mandatory,
    )
    try:
        await answer
    finally:
        del answer  # breaks a cycle: its error refers to this frame, and so to the message


def resolve(answer: asyncio.Future[None], error: AmqpError | None) -> None:
    """Complete a future with the broker's answer, unless its owner cancelled it."""
    if answer.done():
        return
    if error is None:
        answer.set_result(None)
    else:
        answer.set_exception(without_traceback(error))  # all pending publishes get this error, and the channel keeps it
