"""A channel on aiormq: calls and publishes have a time limit, and deliveries leave its tasks immediately."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, TypeVar

import aiormq
from aio_pika.abc import AbstractChannel
from aiormq.abc import DeliveredMessage
from pamqp.commands import Basic

from shared.broker.metrics import UNREADABLE
from shared.broker.rabbitmq.errors import (
    AmqpError,
    CallTimeout,
    ChannelClosed,
    ConnectionClosed,
    ConsumerCancelled,
    PublishBlocked,
    channel_error,
    publish_failure,
)
from shared.broker.rabbitmq.unreadable_headers import is_unreadable
from shared.observe.logging import get_logger
from shared.tasks import start_task
from shared.tracebacks import without_traceback

log = get_logger("broker.rabbitmq")

TIMEOUT_SECONDS: Final = 5.0
"""Limit of a connect, of a call, and of the wait for a confirm."""
CLOSE_SECONDS: Final = 2.0
MAX_IN_FLIGHT: Final = 2_000
"""Unanswered publishes. Each is a task; the next one waits, within the time limit."""
NO_MESSAGES: Final = "the broker blocks publishers"
TRANSIENT: Final = 1
PERSISTENT: Final = 2

T = TypeVar("T")


class Channel:
    """A channel with confirms. It never reopens; `closed` holds the reason once it has ended.

    Methods of `amqp`, the channel of aiormq, are called through `call`. Everything raises AmqpError.
    """

    def __init__(self, channel: AbstractChannel, amqp: aiormq.abc.AbstractChannel) -> None:
        self.amqp = amqp
        self.closed: asyncio.Future[AmqpError] = asyncio.get_running_loop().create_future()
        self.is_blocked = False
        self._channel = channel
        self._room = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._publishes: set[asyncio.Task[None]] = set()
        self._settlements: set[asyncio.Task[None]] = set()
        channel.close_callbacks.add(self._on_close)
        amqp.on_consumer_cancel_callbacks.add(self._on_consumer_cancelled)

    async def close(self) -> None:
        """End the channel, within CLOSE_SECONDS. Unsettled deliveries go back to their queues."""
        self.fail(ChannelClosed("the channel was closed"))
        await end(self._channel.close())

    async def wait_closed(self) -> AmqpError:
        """Return why the channel ended, once it has."""
        await asyncio.wait((self.closed,))
        return self.closed.result()

    async def call(self, method: Awaitable[T]) -> T:
        """Return the answer to a method. A timeout ends the channel, as aiormq cannot match later answers."""
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await method
        except Exception as error:
            if isinstance(error, TimeoutError):
                self.fail(CallTimeout(f"no answer within {TIMEOUT_SECONDS:g} s"))
            failure = self.closed.result() if self.closed.done() else channel_error(error)
            if not isinstance(failure, ConnectionClosed):
                self.fail(failure)
            raise without_traceback(failure) from error

    async def consume(
        self, queue: str, on_received: Callable[[DeliveredMessage], None], *, kind: str, no_ack: bool = False
    ) -> str:
        """Call `on_received`, which must neither block nor raise, for each delivery; return the consumer tag.

        aiormq calls it in a task that it cancels with the connection, so the work must run in another task. A message
        with unreadable headers is rejected; `kind` is its queue in metrics.
        """

        async def receive(message: DeliveredMessage) -> None:
            if self.closed.done():
                return
            if not is_unreadable(message):
                on_received(message)
                return
            UNREADABLE.labels(kind).inc()
            log.error("message_headers_unreadable", queue=queue)
            if not no_ack:
                self.reject(message, requeue=False)

        answer = await self.call(self.amqp.basic_consume(queue, receive, no_ack=no_ack, exclusive=no_ack))
        return answer.consumer_tag or ""

    def ack(self, message: DeliveredMessage) -> None:
        """Acknowledge a delivery. No effect once the channel is closed."""
        self._settle(partial(self.amqp.basic_ack, message.delivery_tag or 0, wait=False))

    def reject(self, message: DeliveredMessage, *, requeue: bool) -> None:
        """Requeue or dead-letter a delivery. No effect once the channel is closed."""
        self._settle(partial(self.amqp.basic_reject, message.delivery_tag or 0, requeue=requeue, wait=False))

    async def publish(
        self,
        body: bytes,
        *,
        exchange: str = "",
        routing_key: str,
        delivery_mode: int = TRANSIENT,
        expiration_ms: int | None = None,
        mandatory: bool = False,
    ) -> None:
        """Publish and wait for the broker's confirm. Messages of a channel keep their order.

        Raises PublishRefused, PublishReturned, PublishBlocked, ConfirmTimeout, ChannelClosed, ConnectionClosed.
        """
        if self.closed.done() or self.is_blocked:
            raise self._failure()
        properties = Basic.Properties(
            content_type="application/json",
            delivery_mode=delivery_mode,
            expiration=None if expiration_ms is None else str(expiration_ms),
        )
        publish = partial(self.amqp.basic_publish, body, exchange=exchange, routing_key=routing_key)
        task = start_task(self._within_bounds(partial(publish, properties=properties, mandatory=mandatory)))
        self._publishes.add(task)
        try:
            await asyncio.wait((task,))
        finally:
            self._publishes.discard(task)
            task.cancel()
        if task.cancelled():
            raise self._failure()
        if error := task.exception():
            raise publish_failure(error, TIMEOUT_SECONDS)

    def block(self, *, is_blocked: bool) -> None:
        """Accept publishes or not. Unanswered ones fail, as a blocked broker confirms none."""
        self.is_blocked = is_blocked
        if is_blocked:
            self._abandon()

    def fail(self, error: AmqpError) -> None:
        """Close the channel with this error."""
        if not self.closed.done():
            self.closed.set_result(error)
            self._abandon()

    def _abandon(self) -> None:
        for task in self._publishes:
            task.cancel()

    def _failure(self) -> AmqpError:
        if self.closed.done():
            return without_traceback(self.closed.result())
        return PublishBlocked(NO_MESSAGES) if self.is_blocked else ConnectionClosed("the connection was lost")

    async def _within_bounds(self, publish: Callable[[], Awaitable[Any]]) -> None:
        async with asyncio.timeout(TIMEOUT_SECONDS), self._room:
            await publish()

    def _settle(self, settlement: Callable[[], Awaitable[None]]) -> None:
        if not self.closed.done():
            task = start_task(self._send(settlement))
            self._settlements.add(task)
            task.add_done_callback(self._settlements.discard)

    async def _send(self, settlement: Callable[[], Awaitable[None]]) -> None:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await settlement()
        except Exception as error:
            self.fail(channel_error(error))

    def _on_close(self, _channel: object, error: BaseException | None = None) -> None:
        self.fail(channel_error(error))

    def _on_consumer_cancelled(self, _frame: object) -> None:
        self.fail(ConsumerCancelled("the broker took the queue away"))
        closing = start_task(self.close())
        self._settlements.add(closing)
        closing.add_done_callback(self._settlements.discard)


async def end(closing: Awaitable[object]) -> None:
    """Wait for a close, up to twice CLOSE_SECONDS. It makes no difference how it ends."""
    task = asyncio.ensure_future(closing)
    task.add_done_callback(lambda task: task.cancelled() or task.exception())
    await asyncio.wait((task,), timeout=CLOSE_SECONDS)
    if task.cancel():
        await asyncio.wait((task,), timeout=CLOSE_SECONDS)
