"""One channel: declare, publish with confirms, consume, settle."""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from flowport_amqp import methods, properties
from flowport_amqp.calls import Calls
from flowport_amqp.confirms import Confirms, OnSettled
from flowport_amqp.content import ContentReader, Received, read_deliver
from flowport_amqp.errors import (
    AmqpError,
    Blocked,
    ChannelClosed,
    ConfirmTimeout,
    ConsumerCancelled,
    ProtocolError,
    again,
)
from flowport_amqp.frames import BODY, HEADER, METHOD, body_frames, frame
from flowport_amqp.output import Output
from flowport_amqp.wire import Table

CLOSE_SECONDS: Final = 2.0
NO_MESSAGES: Final = "the broker takes no messages now: {}"

OnReceived = Callable[[Received], None]
"""Called for each delivery, in order. Must neither block nor raise."""


class Carrier(Protocol):
    """What a channel needs of its connection."""

    output: Output
    frame_max: int

    @property
    def alarm(self) -> str:
        """Why the broker takes no messages now, as `low on disk`; empty while it does."""
        ...


class Channel:
    """A channel of an open connection; over for good when `closed` is done, which then says why.

    Every call raises ChannelClosed or ConnectionClosed when the channel or the connection ends, and CallTimeout when
    the broker does not answer in time. `on_ended` is called when the broker says so, too: before, its number is in use.
    """

    def __init__(self, number: int, carrier: Carrier, *, timeout: float, on_ended: Callable[[int], None]) -> None:
        self.number = number
        self.closed: asyncio.Future[AmqpError] = asyncio.get_running_loop().create_future()
        self._carrier = carrier
        self._timeout = timeout
        self._on_ended = on_ended
        self._calls = Calls(self._send, timeout=timeout)
        self._confirms = Confirms(timeout=timeout)
        self._content = ContentReader(self._on_content)
        self._consumers: dict[bytes, OnReceived] = {}
        self._why_closed = ChannelClosed("the channel was closed")

    async def open(self) -> None:
        """Make the channel usable."""
        await self._calls.call(methods.open_channel(), methods.CHANNEL_OPEN_OK)

    async def close(self) -> None:
        """End the channel. Unsettled deliveries go back to their queues."""
        if self.closed.done():
            return
        self._send(methods.close(methods.CHANNEL_CLOSE))
        await asyncio.wait((self.closed,), timeout=CLOSE_SECONDS)
        self.fail(self._why_closed)

    async def wait_closed(self) -> AmqpError:
        """Why the channel ended, once it has."""
        await asyncio.wait((self.closed,))
        return self.closed.result()

    async def declare_exchange(self, name: str, kind: str, *, durable: bool) -> None:
        """Make an exchange of this kind, or check that it is one."""
        await self._calls.call(methods.declare_exchange(name, kind, durable=durable), methods.EXCHANGE_DECLARE_OK)

    async def delete_exchange(self, name: str) -> None:
        """Remove an exchange."""
        await self._calls.call(methods.delete_exchange(name), methods.EXCHANGE_DELETE_OK)

    async def declare_queue(self, name: str, options: Table) -> None:
        """Make a durable queue, or check that it is the same."""
        request = methods.declare_queue(name, options, passive=False, durable=True, private=False)
        await self._calls.call(request, methods.QUEUE_DECLARE_OK)

    async def declare_private_queue(self, name: str, options: Table) -> None:
        """Make a queue for this connection alone; it is gone with its consumer."""
        request = methods.declare_queue(name, options, passive=False, durable=False, private=True)
        await self._calls.call(request, methods.QUEUE_DECLARE_OK)

    async def count_ready(self, queue: str) -> int:
        """About how many messages wait in an existing queue; a quorum queue's count lags behind."""
        request = methods.declare_queue(queue, {}, passive=True, durable=False, private=False)
        answer = await self._calls.call(request, methods.QUEUE_DECLARE_OK)
        answer.short_string()
        return answer.long()

    async def bind_queue(self, queue: str, exchange: str, *, routing_key: str = "") -> None:
        """Let an exchange feed a queue."""
        await self._calls.call(methods.bind_queue(queue, exchange, routing_key), methods.QUEUE_BIND_OK)

    async def delete_queue(self, name: str) -> None:
        """Remove a queue and all that is in it."""
        await self._calls.call(methods.delete_queue(name), methods.QUEUE_DELETE_OK)

    async def set_prefetch(self, count: int) -> None:
        """How many unsettled deliveries each consumer begun after this may hold."""
        await self._calls.call(methods.qos(count), methods.BASIC_QOS_OK)

    async def consume(self, queue: str, on_received: OnReceived, *, no_ack: bool, exclusive: bool = False) -> str:
        """Receive from a queue; returns the tag to cancel by. With `no_ack` a delivery counts as done once sent."""
        tag = f"{self.number}.{len(self._consumers)}"
        self._consumers[tag.encode()] = on_received
        await self._calls.call(
            methods.consume(queue, tag, no_ack=no_ack, exclusive=exclusive), methods.BASIC_CONSUME_OK
        )
        return tag

    async def cancel(self, tag: str) -> None:
        """Receive no more under this tag; what comes before the answer is still delivered."""
        await self._calls.call(methods.cancel(tag), methods.BASIC_CANCEL_OK)

    def ack(self, tag: int) -> None:
        """This delivery is done. Without effect when the channel is over: it went back already."""
        self._send(methods.ack(tag))

    def reject(self, tag: int, *, requeue: bool) -> None:
        """Put a delivery back, or to the dead letters. Without effect when the channel is over."""
        self._send(methods.reject(tag, requeue=requeue))

    async def select_confirms(self) -> None:
        """Have every publish answered; call it before the first."""
        await self._calls.call(methods.select_confirms(), methods.CONFIRM_SELECT_OK)

    async def publish(
        self,
        body: bytes,
        on_settled: OnSettled,
        *,
        exchange: str = "",
        routing_key: str,
        delivery_mode: int = properties.TRANSIENT,
        expiration_ms: int | None = None,
        mandatory: bool = False,
    ) -> None:
        """Send a message; `on_settled` hears the broker's answer, or ConfirmTimeout, or that the connection ended.

        Returns once it is written, at once unless the peer reads slowly. Messages of a channel keep their order.
        Raises Blocked, ConfirmTimeout (could not be written in time), ChannelClosed, ConnectionClosed.
        """
        if self._carrier.output.is_congested:
            await self._await_room()
        self._check_usable()
        method = methods.publish(exchange, routing_key, mandatory=mandatory)
        tag = self._confirms.expect(on_settled)
        message_id = str(tag) if mandatory else None
        content = properties.encode(delivery_mode=delivery_mode, expiration_ms=expiration_ms, message_id=message_id)
        self._carrier.output.write(
            frame(METHOD, self.number, method)
            + frame(HEADER, self.number, methods.content_header(len(body), content))
            + body_frames(self.number, body, self._carrier.frame_max)
        )

    def block(self) -> None:
        """The broker takes no messages now: nobody shall wait for what it will not confirm."""
        self._confirms.fail(Blocked(NO_MESSAGES.format(self._carrier.alarm)))

    def fail(self, error: AmqpError) -> None:
        """The channel is over, for this reason."""
        if self.closed.done():
            return
        self.closed.set_result(error)
        self._consumers.clear()
        self._calls.fail(error)
        self._confirms.fail(error)

    def on_frame(self, kind: int, payload: bytes) -> None:
        """A frame for this channel. Raises ProtocolError."""
        if kind == BODY:
            self._content.body(payload)
        elif kind == HEADER:
            self._content.header(payload)
        elif kind == METHOD and self._content.is_idle:
            self._on_method(methods.method_id(payload), payload)
        else:
            raise ProtocolError(f"a frame of type {kind} where none belongs")

    def _on_method(self, method: int, payload: bytes) -> None:
        match method:
            case methods.BASIC_DELIVER | methods.BASIC_RETURN:
                self._content.begin(payload)
            case methods.BASIC_ACK | methods.BASIC_NACK:
                arguments = methods.arguments(payload)
                tag, bits = arguments.long_long(), arguments.octet()
                self._confirms.confirmed(tag, multiple=bool(bits & 1), taken=method == methods.BASIC_ACK)
            case methods.CHANNEL_CLOSE:
                arguments = methods.arguments(payload)
                code, text = arguments.short(), arguments.short_string()
                self._write(methods.bare(methods.CHANNEL_CLOSE_OK))
                self.fail(ChannelClosed(f"the broker closed the channel: {text}", code=code))
                self._on_ended(self.number)
            case methods.CHANNEL_CLOSE_OK:
                self.fail(self._why_closed)
                self._on_ended(self.number)
            case methods.BASIC_CANCEL:
                self._why_closed = ConsumerCancelled("the broker took the queue away")
                self._send(methods.close(methods.CHANNEL_CLOSE))
            case _:
                self._calls.answered(method, payload)

    def _on_content(self, method: bytes, content_header: bytes, body: bytes) -> None:
        if methods.method_id(method) == methods.BASIC_RETURN:
            message_id = properties.decode(content_header).message_id or ""
            if message_id.isdecimal():
                self._confirms.returned(int(message_id))
            return
        consumer, tag, redelivered = read_deliver(method)
        if on_received := self._consumers.get(consumer):
            on_received(Received(tag, redelivered, body, content_header))

    def _check_usable(self) -> None:
        if self.closed.done():
            raise again(self.closed.result())  # itself, it would gather the frames of all who ask
        if self._carrier.alarm:
            raise Blocked(NO_MESSAGES.format(self._carrier.alarm))

    async def _await_room(self) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                await self._carrier.output.room()
        except TimeoutError:
            raise ConfirmTimeout(f"the broker took nothing for {self._timeout:g} s") from None

    def _send(self, method: bytes) -> None:
        if not self.closed.done():
            self._write(method)

    def _write(self, method: bytes) -> None:
        self._carrier.output.write(frame(METHOD, self.number, method))
