"""ReplyStream on RabbitMQ."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from shared.broker.bundles import MAX_BYTES, MAX_PARTS, Coalescer, OwnSlots, Part, WorkerSlots, chunks, encode_bundle
from shared.broker.in_flight import notify
from shared.broker.message_bodies import decode_replies, encode_body
from shared.broker.metrics import UNREADABLE, bundle_messages
from shared.broker.ports import ReplyUnroutable
from shared.broker.queue_topology import PrivateQueue
from shared.broker.rabbitmq.connection import Connection
from shared.broker.rabbitmq.errors import AmqpError, PublishReturned, reply_error
from shared.broker.rabbitmq.private_queue import PrivateConsumer
from shared.broker.rabbitmq.reconnecting import ReconnectingChannel
from shared.contracts.events import RunEnded
from shared.contracts.messages import EventBatch
from shared.observe.logging import get_logger
from shared.tracebacks import without_traceback

log = get_logger("broker.rabbitmq")

WINDOW: Final = 16
"""Unconfirmed sends of one run."""
MAX_WINDOWS: Final = 2_000
"""Runs whose last sends have not been checked yet; those of an abandoned run leave when others need the room."""


class RabbitReplyStream:
    """Implements ReplyStream: publishes on one connection, receives on another."""

    def __init__(
        self,
        publishing: Connection,
        consuming: Connection,
        queue: PrivateQueue,
        own_slots: OwnSlots,
        worker_slots: WorkerSlots,
    ) -> None:
        self._consuming = consuming
        self._queue = queue
        self._own_slots = own_slots
        self._worker_slots = worker_slots
        self._coalescer = Coalescer(partial(chunks, limit=MAX_PARTS), self._publish)
        self._publisher = ReconnectingChannel(publishing)
        self._inboxes: list[PrivateConsumer] = []
        self._windows: dict[str, deque[asyncio.Future[None]]] = {}

    async def start(self) -> None:
        """Prepare to send. Raises BrokerUnavailable."""
        await self._publisher.start()

    async def stop(self) -> None:
        """Close the channel and the inboxes."""
        for inbox in self._inboxes:
            await inbox.close()
        await self._publisher.stop()

    async def open_inbox(self, on_batch: Callable[[EventBatch], None], on_lost: Callable[[], None]) -> PrivateConsumer:
        inbox = PrivateConsumer(self._consuming, self._queue, partial(self._on_body, on_batch), on_lost=on_lost)
        await inbox.start()
        self._inboxes.append(inbox)
        return inbox

    async def send(self, address: str, batch: EventBatch, *, must_route: bool) -> None:
        """See ReplyStream. The confirm timeout limits all waits."""
        if not self._queue.owns(address):
            raise ReplyUnroutable("the address is not a reply queue")
        self._publisher.require()
        ends_run = bool(batch.events) and isinstance(batch.events[-1], RunEnded)
        part = Part(encode_body(batch), batch.run_id, must_route=must_route, ends_run=ends_run)
        try:
            await self._confirm(batch.run_id, WINDOW - 1)
            if must_route:
                await self._coalescer.send(address, part)
                await self._confirm(batch.run_id, 0)
            else:
                self._coalescer.add(address, part)
                self._remember(batch.run_id, part.answer)
        except AmqpError as error:
            raise reply_error(error) from error

    def _remember(self, run_id: str, answer: asyncio.Future[None]) -> None:
        self._windows.setdefault(run_id, deque()).append(answer)
        answer.add_done_callback(asyncio.Future.exception)  # none is logged as unretrieved
        if len(self._windows) > MAX_WINDOWS:
            del self._windows[next(iter(self._windows))]

    async def _confirm(self, run_id: str, size: int) -> None:
        """Wait until at most `size` sends of a run are unconfirmed. Raises the error of a refused one."""
        window = self._windows.get(run_id)
        while window and (len(window) > size or window[0].done()):
            answer = window.popleft()
            if not window:
                del self._windows[run_id]
            await asyncio.wait((answer,))
            if error := answer.exception():
                raise without_traceback(error)

    async def _publish(self, address: str, parts: Sequence[Part]) -> None:
        worker, free = self._own_slots.now
        free += sum(part.ends_run for part in parts)  # a run frees its slot once its last reply is confirmed
        body = parts[0].body if len(parts[0].body) > MAX_BYTES else encode_bundle(parts, worker=worker, free=free)
        bundle_messages(self._queue.prefix).observe(len(parts))
        try:
            mandatory = any(part.must_route for part in parts)
            await self._publisher.require().publish(body, routing_key=address, mandatory=mandatory)
        except PublishReturned:
            for part in parts:
                if not part.must_route:
                    part.settle(None)
            raise

    def _on_body(self, on_batch: Callable[[EventBatch], None], body: bytes) -> None:
        replies = decode_replies(body)
        if replies.worker:
            self._worker_slots.report(replies.worker, replies.free)
        for reason in replies.unreadable:
            UNREADABLE.labels(self._queue.prefix).inc()
            log.error("reply_unreadable", reason=reason)
        for batch in replies.batches:
            notify(on_batch, batch)
