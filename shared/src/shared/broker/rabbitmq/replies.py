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
from shared.broker.ports import BrokerDisconnected, ReplyUnroutable
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
MAX_WINDOWS: Final = 10_000
"""Runs with unconfirmed sends, or with a refused one that has not been reported yet."""


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
        self._coalescer = Coalescer(self._send)
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
        answer.add_done_callback(partial(self._forget_confirmed, run_id))
        if len(self._windows) > MAX_WINDOWS:
            del self._windows[next(iter(self._windows))]

    def _forget_confirmed(self, run_id: str, answer: asyncio.Future[None]) -> None:
        window = self._windows.get(run_id, deque())
        if answer.exception() is None and answer in window:
            window.remove(answer)
            if not window:
                del self._windows[run_id]

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

    async def _send(self, address: str, parts: Sequence[Part]) -> None:
        await asyncio.gather(*(self._send_chunk(address, chunk) for chunk in chunks(parts, MAX_PARTS)))

    async def _send_chunk(self, address: str, chunk: Sequence[Part]) -> None:
        worker, free = self._own_slots.now
        free += sum(part.ends_run for part in chunk)  # a run frees its slot once its last reply is confirmed
        body = chunk[0].body if len(chunk[0].body) > MAX_BYTES else encode_bundle(chunk, worker=worker, free=free)
        bundle_messages(self._queue.prefix).observe(len(chunk))
        error: Exception | None = None
        try:
            mandatory = any(part.must_route for part in chunk)
            await self._publisher.require().publish(body, routing_key=address, mandatory=mandatory)
        except (AmqpError, BrokerDisconnected) as failure:
            error = failure
        for part in chunk:
            is_silent = isinstance(error, PublishReturned) and not part.must_route
            part.settle(None if is_silent else error)

    def _on_body(self, on_batch: Callable[[EventBatch], None], body: bytes) -> None:
        replies = decode_replies(body)
        if replies.worker:
            self._worker_slots.report(replies.worker, replies.free)
        for reason in replies.unreadable:
            UNREADABLE.labels(self._queue.prefix).inc()
            log.error("reply_unreadable", reason=reason)
        for batch in replies.batches:
            notify(on_batch, batch)
