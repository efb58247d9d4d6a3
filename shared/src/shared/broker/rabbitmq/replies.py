"""ReplyStream on RabbitMQ."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from flowport_amqp.confirms import OnSettled
from flowport_amqp.errors import AmqpError, ChannelClosed, PublishReturned
from flowport_amqp.properties import TRANSIENT
from shared.broker.bundles import (
    MAX_PARTS,
    Coalescer,
    OnAnswered,
    OwnSlots,
    Part,
    WorkerSlots,
    chunks,
    encode_bundle,
    is_large,
)
from shared.broker.in_flight import notify
from shared.broker.message_bodies import decode_replies, encode_body
from shared.broker.metrics import BUNDLE_MESSAGES, UNREADABLE
from shared.broker.ports import BrokerDisconnected, ReplyUnroutable
from shared.broker.queue_topology import PrivateQueue
from shared.broker.rabbitmq.client import Channel, PendingConfirms, ReceivedMessage, publish_confirmed, resolve
from shared.broker.rabbitmq.errors import reply_error
from shared.broker.rabbitmq.reconnecting import ReconnectingChannel, ReconnectingConnection
from shared.contracts.events import RunEnded
from shared.contracts.messages import EventBatch
from shared.observe.logging import get_logger

log = get_logger("broker.rabbitmq")

WINDOW: Final = 16
"""Unconfirmed sends of one run."""
REMEMBERED_FAILURES: Final = 10_000
"""Runs whose refused send has not been reported yet."""


def _ignored(worker: str, free: int) -> None:
    """Ignore the slots of workers."""


class Inbox:
    """Implements ReplyInbox with an exclusive queue, recreated with each connection."""

    def __init__(
        self,
        connection: ReconnectingConnection,
        queue: PrivateQueue,
        on_batch: Callable[[EventBatch], None],
        on_lost: Callable[[], None],
        forget: Callable[["Inbox"], None],
        *,
        on_slots: Callable[[str, int], None] = _ignored,
    ) -> None:
        self._on_slots = on_slots
        self._queue = queue
        self._on_batch = on_batch
        self._forget = forget
        self._address = ""
        self._channel = ReconnectingChannel(connection, self._set_up, on_lost=on_lost)

    @property
    def address(self) -> str:
        if not self._channel.is_open:
            raise BrokerDisconnected("no reply queue is available")
        return self._address

    async def start(self) -> None:
        """Start receiving. Raises BrokerUnavailable."""
        await self._channel.start()

    async def close(self) -> None:
        """Stop receiving and delete the address, so that sends to it fail."""
        await self._channel.stop_reopening()
        if self._channel.is_open:
            with suppress(AmqpError):
                await self._channel.require().delete_queue(self._address)
        await self._channel.stop()
        self._forget(self)

    async def _set_up(self, channel: Channel) -> None:
        self._address = self._queue.new_name()
        await channel.declare_private_queue(self._address, self._queue.arguments)
        await channel.consume(self._address, self._on_received, no_ack=True, exclusive=True)

    def _on_received(self, received: ReceivedMessage) -> None:
        replies = decode_replies(received.body)
        if replies.worker:
            self._on_slots(replies.worker, replies.free)
        for reason in replies.unreadable:
            UNREADABLE.labels(self._queue.prefix).inc()
            log.error("reply_unreadable", reason=reason)
        for batch in replies.batches:
            notify(self._on_batch, batch)


@dataclass(slots=True)
class _Window:
    """The unconfirmed sends of one run."""

    in_flight: int = 0
    settled: asyncio.Event = field(default_factory=asyncio.Event)

    async def shrink_to(self, size: int) -> None:
        while self.in_flight > size:
            self.settled.clear()
            await self.settled.wait()


@dataclass(slots=True)
class _Reply(Part):
    """One batch of events in flight."""

    must_route: bool = field(kw_only=True)
    ends_run: bool = field(kw_only=True)
    on_settled: OnSettled = field(kw_only=True)


class RabbitReplyStream:
    """Implements ReplyStream: publishes on one connection, receives on another."""

    def __init__(
        self,
        publishing: ReconnectingConnection,
        consuming: ReconnectingConnection,
        queue: PrivateQueue,
        own_slots: OwnSlots,
        worker_slots: WorkerSlots,
    ) -> None:
        self._consuming = consuming
        self._own_slots = own_slots
        self._worker_slots = worker_slots
        self._coalescer = Coalescer(self._send_bundles)
        self._sizes = BUNDLE_MESSAGES.labels(queue.prefix)
        self._queue = queue
        self._publisher = ReconnectingChannel(publishing, lambda channel: channel.select_confirms())
        self._inboxes: set[Inbox] = set()
        self._windows: dict[str, _Window] = {}
        self._failures: OrderedDict[str, AmqpError] = OrderedDict()

    async def start(self) -> None:
        """Prepare to send. Raises BrokerUnavailable."""
        await self._publisher.start()

    async def stop(self) -> None:
        """Close the channel and the inboxes."""
        for inbox in tuple(self._inboxes):
            await inbox.close()
        await self._publisher.stop()

    async def open_inbox(self, on_batch: Callable[[EventBatch], None], on_lost: Callable[[], None]) -> Inbox:
        inbox = Inbox(
            self._consuming, self._queue, on_batch, on_lost, self._inboxes.discard, on_slots=self._worker_slots.report
        )
        await inbox.start()
        self._inboxes.add(inbox)
        return inbox

    async def send(self, address: str, batch: EventBatch, *, must_route: bool) -> None:
        """See ReplyStream. The confirm timeout limits all waits."""
        if not self._queue.owns(address):
            raise ReplyUnroutable("the address is not a reply queue")
        body = encode_body(batch)
        channel = self._publisher.require()
        try:
            if must_route:
                await self._send_confirmed(channel, address, batch, body)
            else:
                await self._send_unconfirmed(channel, address, batch.run_id, body)
        except AmqpError as error:
            raise reply_error(error) from error

    async def _send_confirmed(self, channel: Channel, address: str, batch: EventBatch, body: bytes) -> None:
        run_id = batch.run_id
        self._check(run_id)
        if self._queue.takes_bundles(address):
            answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._coalescer.add(
                address,
                _Reply(body, run_id, must_route=True, ends_run=_ends_run(batch), on_settled=partial(resolve, answer)),
            )
            try:
                await answer
            finally:
                del answer  # breaks a cycle: its error refers to this frame, and so to the message
        else:
            await publish_confirmed(channel, body, routing_key=address, delivery_mode=TRANSIENT, mandatory=True)
        if window := self._windows.get(run_id):
            await window.shrink_to(0)
        self._check(run_id)

    async def _send_unconfirmed(self, channel: Channel, address: str, run_id: str, body: bytes) -> None:
        if window := self._windows.get(run_id):
            await window.shrink_to(WINDOW - 1)
        self._check(run_id)
        window = self._windows.setdefault(run_id, _Window())
        window.in_flight += 1
        settled = partial(self._settled, run_id, window)
        try:
            if self._queue.takes_bundles(address):
                self._coalescer.add(address, _Reply(body, run_id, must_route=False, ends_run=False, on_settled=settled))
            else:
                await channel.publish(body, settled, routing_key=address)
        except BaseException:
            settled(None)
            raise

    async def _send_bundles(self, address: str, replies: Sequence[_Reply], on_answered: OnAnswered) -> None:
        unanswered = PendingConfirms(on_answered)
        for chunk in chunks(replies, MAX_PARTS):
            worker, free = self._own_slots.now
            free += sum(reply.ends_run for reply in chunk)  # a run frees its slot once its last reply is confirmed
            settled = unanswered.expect(partial(_settle_each, chunk))
            self._sizes.observe(len(chunk))
            try:
                await self._publisher.require().publish(
                    chunk[0].body if is_large(chunk) else encode_bundle(chunk, worker=worker, free=free),
                    settled,
                    routing_key=address,
                    mandatory=any(reply.must_route for reply in chunk),
                )
            except AmqpError as error:
                settled(error)
            except BrokerDisconnected as error:
                settled(ChannelClosed(str(error)))
        unanswered.close()

    def _check(self, run_id: str) -> None:
        if error := self._failures.pop(run_id, None):
            raise error

    def _settled(self, run_id: str, window: _Window, error: AmqpError | None) -> None:
        window.in_flight -= 1
        window.settled.set()
        if not window.in_flight:
            self._windows.pop(run_id, None)
        if error:
            self._failures[run_id] = error
            if len(self._failures) > REMEMBERED_FAILURES:
                self._failures.popitem(last=False)


def _ends_run(batch: EventBatch) -> bool:
    return bool(batch.events) and isinstance(batch.events[-1], RunEnded)


def _settle_each(replies: Sequence[_Reply], error: AmqpError | None) -> None:
    """Settle each reply of a bundle as if sent alone."""
    for reply in replies:
        is_silent = isinstance(error, PublishReturned) and not reply.must_route
        reply.on_settled(None if is_silent else error)
