"""Channel: declare, publish with confirms, consume, acknowledge."""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from flowport_amqp import methods, properties
from flowport_amqp.calls import Calls
from flowport_amqp.confirms import Confirms, OnSettled
from flowport_amqp.content import ContentReader, ReceivedMessage, read_deliver
from flowport_amqp.errors import (
    AmqpError,
    ChannelClosed,
    ConfirmTimeout,
    ConsumerCancelled,
    ProtocolError,
    PublishBlocked,
    copy_error,
)
from flowport_amqp.frames import BODY, HEADER, METHOD, body_frames, frame
from flowport_amqp.output import Output
from flowport_amqp.wire import Table

CLOSE_SECONDS: Final = 2.0
NO_MESSAGES: Final = "the broker blocks publishers: {}"

OnReceived = Callable[[ReceivedMessage], None]
"""Called for each delivery, in order. Must neither block nor raise."""


class Carrier(Protocol):
    """The connection, as a channel uses it."""

    output: Output
    frame_max: int

    @property
    def alarm(self) -> str:
        """Return why the broker blocks publishers, e.g. `low on disk`; empty if it does not."""


class Channel:
    """Channel of an open connection. When it ends, `closed` holds the reason.

    Every call raises ChannelClosed or ConnectionClosed when the channel or the connection ends, and CallTimeout when
    the broker does not respond in time. `on_ended` is called when the broker confirms the end, which frees the number.
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
        """Open the channel."""
        await self._calls.call(methods.open_channel(), methods.CHANNEL_OPEN_OK)

    async def close(self) -> None:
        """Close the channel. The broker requeues unacknowledged deliveries."""
        if self.closed.done():
            return
        self._send(methods.close(methods.CHANNEL_CLOSE))
        await asyncio.wait((self.closed,), timeout=CLOSE_SECONDS)
        self.fail(self._why_closed)

    def abandon(self) -> None:
        """Close the channel without waiting for the broker, whose confirmation frees the number."""
        self._send(methods.close(methods.CHANNEL_CLOSE))
        self.fail(self._why_closed)

    async def wait_closed(self) -> AmqpError:
        """Wait until the channel ends, and return the reason."""
        await asyncio.wait((self.closed,))
        return self.closed.result()

    async def declare_exchange(self, name: str, kind: str, *, durable: bool) -> None:
        """Declare an exchange."""
        await self._calls.call(methods.declare_exchange(name, kind, durable=durable), methods.EXCHANGE_DECLARE_OK)

    async def delete_exchange(self, name: str) -> None:
        """Delete an exchange."""
        await self._calls.call(methods.delete_exchange(name), methods.EXCHANGE_DELETE_OK)

    async def declare_queue(self, name: str, options: Table) -> None:
        """Declare a durable queue."""
        request = methods.declare_queue(name, options, passive=False, durable=True, private=False)
        await self._calls.call(request, methods.QUEUE_DECLARE_OK)

    async def declare_private_queue(self, name: str, options: Table) -> None:
        """Declare an exclusive queue that is deleted with its consumer."""
        request = methods.declare_queue(name, options, passive=False, durable=False, private=True)
        await self._calls.call(request, methods.QUEUE_DECLARE_OK)

    async def count_ready(self, queue: str) -> int:
        """Return the number of ready messages of an existing queue. The count of a quorum queue lags behind."""
        request = methods.declare_queue(queue, {}, passive=True, durable=False, private=False)
        response = await self._calls.call(request, methods.QUEUE_DECLARE_OK)
        response.short_string()
        return response.long()

    async def bind_queue(self, queue: str, exchange: str, *, routing_key: str = "") -> None:
        """Bind a queue to an exchange."""
        await self._calls.call(methods.bind_queue(queue, exchange, routing_key), methods.QUEUE_BIND_OK)

    async def delete_queue(self, name: str) -> None:
        """Delete a queue and its messages."""
        await self._calls.call(methods.delete_queue(name), methods.QUEUE_DELETE_OK)

    async def set_prefetch(self, count: int) -> None:
        """Set the limit of unacknowledged deliveries for consumers that start later."""
        await self._calls.call(methods.qos(count), methods.BASIC_QOS_OK)

    async def consume(self, queue: str, on_received: OnReceived, *, no_ack: bool, exclusive: bool = False) -> str:
        """Start a consumer and return its tag. With `no_ack` the broker counts a delivery as acknowledged when sent."""
        tag = f"{self.number}.{len(self._consumers)}"
        self._consumers[tag.encode()] = on_received
        await self._calls.call(
            methods.consume(queue, tag, no_ack=no_ack, exclusive=exclusive), methods.BASIC_CONSUME_OK
        )
        return tag

    async def cancel(self, tag: str) -> None:
        """Cancel a consumer. Deliveries before the response still arrive."""
        await self._calls.call(methods.cancel(tag), methods.BASIC_CANCEL_OK)

    def ack(self, tag: int) -> None:
        """Acknowledge a delivery. Without effect on a closed channel, whose deliveries were requeued."""
        self._send(methods.ack(tag))

    def reject(self, tag: int, *, requeue: bool) -> None:
        """Requeue or dead-letter a delivery. Without effect on a closed channel."""
        self._send(methods.reject(tag, requeue=requeue))

    async def select_confirms(self) -> None:
        """Enable publisher confirms. Call it before the first publish."""
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
        """Publish a message. `on_settled` receives None, or the error if the message was not confirmed.

        Returns when the message is written, without delay unless the broker reads slowly. Messages of a channel keep
        their order. Raises PublishBlocked, ConfirmTimeout (not written in time), ChannelClosed, ConnectionClosed.
        """
        if self._carrier.output.is_congested:
            await self._wait_until_writable()
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
        """Fail pending publishes, which the broker will not confirm while it blocks publishers."""
        self._confirms.fail(PublishBlocked(NO_MESSAGES.format(self._carrier.alarm)))

    def fail(self, error: AmqpError) -> None:
        """End the channel with this error."""
        if self.closed.done():
            return
        self.closed.set_result(error)
        self._consumers.clear()
        self._calls.fail(error)
        self._confirms.fail(error)

    def on_frame(self, kind: int, payload: bytes) -> None:
        """Handle a frame of this channel. Raises ProtocolError."""
        if kind == BODY:
            self._content.body(payload)
        elif kind == HEADER:
            self._content.header(payload)
        elif kind == METHOD and self._content.is_idle:
            self._on_method(methods.method_id(payload), payload)
        else:
            raise ProtocolError(f"unexpected frame of type {kind}")

    def _on_method(self, method: int, payload: bytes) -> None:
        match method:
            case methods.BASIC_DELIVER | methods.BASIC_RETURN:
                self._content.begin(payload)
            case methods.BASIC_ACK | methods.BASIC_NACK:
                tag, bits = methods.confirmed(payload)
                self._confirms.on_confirm(tag, multiple=bool(bits & 1), accepted=method == methods.BASIC_ACK)
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
                self._why_closed = ConsumerCancelled("the broker deleted the queue or its node is down")
                self._send(methods.close(methods.CHANNEL_CLOSE))
            case _:
                self._calls.on_response(method, payload)

    def _on_content(self, method: bytes, content_header: bytes, body: bytes) -> None:
        if methods.method_id(method) == methods.BASIC_RETURN:
            message_id = properties.decode(content_header).message_id or ""
            if message_id.isdecimal():
                self._confirms.on_return(int(message_id))
            return
        consumer, tag, redelivered = read_deliver(method)
        if on_received := self._consumers.get(consumer):
            on_received(ReceivedMessage(tag, redelivered, body, content_header))

    def _check_usable(self) -> None:
        if self.closed.done():
            raise copy_error(self.closed.result())  # a shared exception would collect the traceback of each caller
        if self._carrier.alarm:
            raise PublishBlocked(NO_MESSAGES.format(self._carrier.alarm))

    async def _wait_until_writable(self) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                await self._carrier.output.wait_until_writable()
        except TimeoutError:
            raise ConfirmTimeout(f"the broker read nothing for {self._timeout:g} s") from None

    def _send(self, method: bytes) -> None:
        if not self.closed.done():
            self._write(method)

    def _write(self, method: bytes) -> None:
        self._carrier.output.write(frame(METHOD, self.number, method))
