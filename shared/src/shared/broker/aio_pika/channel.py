"""A channel of aio-pika: calls and publishes have a time limit, and deliveries leave its tasks immediately."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol, Self, TypeVar, cast

from aio_pika import Message
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange, AbstractIncomingMessage, AbstractQueue
from aiormq import spec
from pamqp.common import FieldTable

from flowport_amqp.channel import NO_MESSAGES
from flowport_amqp.confirms import OnSettled
from flowport_amqp.errors import (
    AmqpError,
    ChannelClosed,
    ConfirmTimeout,
    ConnectionClosed,
    ConsumerCancelled,
    PublishBlocked,
)
from flowport_amqp.properties import TRANSIENT
from flowport_amqp.wire import Table, Value
from shared.broker.aio_pika.errors import FAILURES, call_error, channel_error, publish_failure
from shared.tracebacks import without_traceback

MAX_IN_FLIGHT: Final = 2_000
"""Unanswered publishes. Each is an aio-pika task; the next one waits, within the time limit."""
CLOSE_SECONDS: Final = 2.0

T = TypeVar("T")


class Carrier(Protocol):
    """What a channel needs from its connection."""

    @property
    def alarm(self) -> str:
        """Return why publishing is blocked; empty while it is not."""


@dataclass(frozen=True, slots=True)
class AioPikaMessage:
    """One delivery."""

    message: AbstractIncomingMessage
    tag: int
    redelivered: bool
    body: bytes

    @property
    def headers(self) -> dict[str, Value]:
        """Return the headers set by the broker and the sender."""
        return cast("dict[str, Value]", self.message.headers)


class AioPikaChannel:
    """A channel with confirms. It never reopens; `closed` holds the reason once it has ended."""

    def __init__(self, channel: AbstractChannel, carrier: Carrier, *, timeout: float) -> None:
        self.closed: asyncio.Future[AmqpError] = asyncio.get_running_loop().create_future()
        self._channel = channel
        self._carrier = carrier
        self._timeout = timeout
        self._why_closed = ChannelClosed("the channel was closed")
        self._queues: dict[str, AbstractQueue] = {}
        """By consumer tag. aio-pika refers to queues weakly."""
        self._exchanges: dict[str, AbstractExchange] = {}
        self._in_flight: dict[asyncio.Task[None], OnSettled] = {}
        self._room = asyncio.Event()
        self._settlements: deque[Callable[[], Awaitable[None]]] = deque()
        self._settler: asyncio.Task[None] | None = None
        self._closer: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, connection: AbstractConnection, carrier: Carrier, *, timeout: float) -> Self:  # noqa: ASYNC109
        """Open a channel. Raises ConnectionClosed, ChannelClosed."""
        try:
            async with asyncio.timeout(timeout):
                channel = connection.channel(publisher_confirms=True, on_return_raises=True)
                opened = cls(channel, carrier, timeout=timeout)
                channel.close_callbacks.add(opened._on_close)
                await channel.initialize()
                underlay = await channel.get_underlay_channel()
        except FAILURES as error:
            raise call_error(error, timeout) from error
        underlay.on_consumer_cancel_callbacks.add(opened._on_consumer_cancelled)
        return opened

    async def close(self) -> None:
        """End the channel, within CLOSE_SECONDS. Unsettled deliveries go back to their queues."""
        self.fail(self._why_closed)
        closing = asyncio.ensure_future(self._channel.close())
        await asyncio.wait({closing}, timeout=CLOSE_SECONDS)
        if not closing.done():
            closing.cancel()
        elif not closing.cancelled():
            closing.exception()  # mark as retrieved: the channel is closed in any case

    async def wait_closed(self) -> AmqpError:
        """Return why the channel ended, once it has."""
        await asyncio.wait((self.closed,))
        return self.closed.result()

    async def declare_exchange(self, name: str, kind: str, *, durable: bool) -> None:
        """Declare an exchange of this kind, or check an existing one."""
        await self._call(self._channel.declare_exchange(name, kind, durable=durable))

    async def delete_exchange(self, name: str) -> None:
        await self._call(self._channel.exchange_delete(name))

    async def declare_queue(self, name: str, options: Table) -> None:
        """Declare a durable queue, or check that an existing one matches."""
        await self._call(self._channel.declare_queue(name, durable=True, arguments=cast("FieldTable", options)))

    async def declare_private_queue(self, name: str, options: Table) -> None:
        """Declare an exclusive queue, which the broker deletes with its consumer."""
        await self._call(
            self._channel.declare_queue(name, exclusive=True, auto_delete=True, arguments=cast("FieldTable", options))
        )

    async def count_ready(self, queue: str) -> int:
        """Return the approximate number of messages waiting in an existing queue."""
        found = await self._call(self._channel.declare_queue(queue, passive=True))
        return found.declaration_result.message_count or 0

    async def bind_queue(self, queue: str, exchange: str) -> None:
        """Bind a queue to an exchange."""
        await self._call((await self._queue(queue)).bind(exchange, routing_key=""))

    async def delete_queue(self, name: str) -> None:
        """Delete a queue and its messages. A quorum queue refuses the conditional forms, aio-pika's default."""
        await self._call(self._channel.queue_delete(name, if_unused=False, if_empty=False))

    async def set_prefetch(self, count: int) -> None:
        """Limit the unsettled deliveries of each later consumer."""
        await self._call(self._channel.set_qos(prefetch_count=count))

    async def consume(
        self, queue: str, on_received: Callable[[AioPikaMessage], None], *, no_ack: bool, exclusive: bool = False
    ) -> str:
        """Call `on_received` for each delivery; return the consumer tag.

        aio-pika calls it in a task that it cancels with the connection, so the work must run in another task.
        """
        found = await self._queue(queue)

        async def receive(message: AbstractIncomingMessage) -> None:
            if not self.closed.done():
                on_received(AioPikaMessage(message, message.delivery_tag or 0, bool(message.redelivered), message.body))

        tag = await self._call(found.consume(receive, no_ack=no_ack, exclusive=exclusive))
        self._queues[tag] = found
        return tag

    async def cancel(self, tag: str) -> None:
        """Cancel the consumer with this tag."""
        if (queue := self._queues.pop(tag, None)) is not None:
            await self._call(queue.cancel(tag))

    def ack(self, tag: int) -> None:
        """Acknowledge a delivery. No effect once the channel is closed."""

        async def settle() -> None:
            await (await self._channel.get_underlay_channel()).basic_ack(tag, wait=False)

        self._settle(settle)

    def reject(self, tag: int, *, requeue: bool) -> None:
        """Requeue or dead-letter a delivery. No effect once the channel is closed."""

        async def settle() -> None:
            await (await self._channel.get_underlay_channel()).basic_reject(tag, requeue=requeue, wait=False)

        self._settle(settle)

    async def select_confirms(self) -> None:
        """Do nothing: the channel was opened with confirms."""

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
        """Send a message; `on_settled` is called once, with None or the reason of the failure.

        Raises PublishBlocked, ConfirmTimeout, ChannelClosed, ConnectionClosed.
        """
        if len(self._in_flight) >= MAX_IN_FLIGHT:
            await self._await_room()
        self._check_usable()
        message = Message(
            body,
            content_type="application/json",
            delivery_mode=delivery_mode,
            expiration=None if expiration_ms is None else expiration_ms / 1000,
        )
        task = asyncio.get_running_loop().create_task(
            self._publish(await self._exchange(exchange), message, routing_key, mandatory=mandatory)
        )
        self._in_flight[task] = on_settled

    def block(self) -> None:
        """Fail unanswered publishes: a blocked broker confirms none."""
        self._abandon(PublishBlocked(NO_MESSAGES.format(self._carrier.alarm)))

    def fail(self, error: AmqpError) -> None:
        """Close the channel with this error."""
        if self.closed.done():
            return
        self.closed.set_result(error)
        self._queues.clear()
        self._settlements.clear()
        self._abandon(error)

    async def _publish(
        self, exchange: AbstractExchange, message: Message, routing_key: str, *, mandatory: bool
    ) -> None:
        failure: AmqpError | None = None
        try:
            await exchange.publish(message, routing_key, mandatory=mandatory, timeout=self._timeout)
        except FAILURES as error:
            failure = publish_failure(error, self._timeout)
        task = asyncio.current_task()
        on_settled = self._in_flight.pop(task, None) if task is not None else None
        self._room.set()
        if on_settled is not None:
            on_settled(failure)

    def _abandon(self, error: AmqpError) -> None:
        abandoned, self._in_flight = self._in_flight, {}
        self._room.set()
        for task, on_settled in abandoned.items():
            task.cancel()
            on_settled(error)

    async def _await_room(self) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                while len(self._in_flight) >= MAX_IN_FLIGHT:
                    self._room.clear()
                    await self._room.wait()
        except TimeoutError:
            raise ConfirmTimeout(f"the broker confirmed nothing for {self._timeout:g} s") from None

    def _check_usable(self) -> None:
        if self.closed.done():
            raise without_traceback(self.closed.result())
        if self._carrier.alarm:
            raise PublishBlocked(NO_MESSAGES.format(self._carrier.alarm))

    async def _exchange(self, name: str) -> AbstractExchange:
        if not name:
            return self._channel.default_exchange
        if name not in self._exchanges:
            self._exchanges[name] = await self._channel.get_exchange(name, ensure=False)
        return self._exchanges[name]

    async def _queue(self, name: str) -> AbstractQueue:
        return await self._call(self._channel.get_queue(name, ensure=False))

    async def _call(self, call: Awaitable[T]) -> T:
        """Wait for an answer. A timeout ends the channel, as aiormq cannot match later answers."""
        try:
            async with asyncio.timeout(self._timeout):
                return await call
        except FAILURES as error:
            failure = self.closed.result() if self.closed.done() else call_error(error, self._timeout)
            if not isinstance(failure, ConnectionClosed):
                self.fail(failure)
            raise without_traceback(failure) from error

    def _settle(self, settlement: Callable[[], Awaitable[None]]) -> None:
        """Send settlements in order, in one task that runs while there are any."""
        if self.closed.done():
            return
        self._settlements.append(settlement)
        if self._settler is None or self._settler.done():
            self._settler = asyncio.get_running_loop().create_task(self._send_settlements())

    async def _send_settlements(self) -> None:
        while self._settlements:
            try:
                async with asyncio.timeout(self._timeout):
                    await self._settlements.popleft()()
            except FAILURES as error:
                self.fail(channel_error(error))

    def _on_close(self, _channel: object, error: BaseException | None = None) -> None:
        self.fail(channel_error(error) if error is not None else self._why_closed)

    def _on_consumer_cancelled(self, _frame: spec.Basic.Cancel) -> None:
        self._why_closed = ConsumerCancelled("the broker took the queue away")
        self.fail(self._why_closed)
        self._closer = asyncio.get_running_loop().create_task(self.close())
