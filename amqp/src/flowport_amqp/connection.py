"""Connection to a broker: handshake, channels, heartbeats, alarms."""

import asyncio
from collections.abc import Callable
from typing import Final, Self, cast

from flowport_amqp import methods
from flowport_amqp.address import Address
from flowport_amqp.calls import Calls
from flowport_amqp.channel import CLOSE_SECONDS, Channel
from flowport_amqp.errors import AmqpError, ConnectionClosed, ProtocolError
from flowport_amqp.frames import FRAME_MAX, HEARTBEAT, METHOD, PROTOCOL_HEADER, FrameReader, frame
from flowport_amqp.heartbeat import Heartbeat
from flowport_amqp.output import Output
from flowport_amqp.wire import Table

CHANNEL_MAX: Final = 2047
FRAME_MIN: Final = 4096

OnAlarm = Callable[[str], None]
"""Called with the reason when the broker blocks publishers, and with an empty text when it unblocks them."""


def _ignore_alarm(alarm: str) -> None:
    """Do nothing."""


class Connection(asyncio.Protocol):
    """Connection to a broker. When it ends, `closed` holds the reason."""

    output: Output

    def __init__(self, *, timeout: float, on_alarm: OnAlarm = _ignore_alarm) -> None:
        self._transport: asyncio.Transport | None = None
        self.closed: asyncio.Future[AmqpError] = asyncio.get_running_loop().create_future()
        self.frame_max = FRAME_MAX
        self.alarm = ""
        self._timeout = timeout
        self._on_alarm = on_alarm
        self._channels: dict[int, Channel] = {}
        self._channel_max = CHANNEL_MAX
        self._reader = FrameReader(self._on_frame)
        self._calls = Calls(self._send, timeout=timeout)
        self._heartbeat: Heartbeat | None = None

    @classmethod
    async def open(
        cls,
        address: Address,
        *,
        name: str,
        heartbeat: int,
        timeout: float,  # noqa: ASYNC109 - also the timeout of every later call
        on_alarm: OnAlarm = _ignore_alarm,
    ) -> Self:
        """Connect and open the virtual host within `timeout` seconds, the timeout of every later call as well.

        `heartbeat` is the requested interval in seconds; the broker may choose a smaller one. `name` identifies the
        connection in RabbitMQ's management. Raises ConnectionClosed.
        """
        connection = cls(timeout=timeout, on_alarm=on_alarm)
        try:
            async with asyncio.timeout(timeout):
                await asyncio.get_running_loop().create_connection(
                    lambda: connection, address.host, address.port, ssl=address.tls
                )
                await connection._perform_handshake(address, name, heartbeat)
        except BaseException as error:
            failure = _failed_to_open(error)
            connection._fail(failure)
            if isinstance(error, OSError | AmqpError):
                raise failure from error
            raise
        return connection

    async def open_channel(self) -> Channel:
        """Open a channel. Raises ConnectionClosed, ChannelClosed."""
        if self.closed.done():
            raise self.closed.result()
        channel = Channel(self._free_number(), self, timeout=self._timeout, on_ended=self._forget)
        self._channels[channel.number] = channel
        try:
            await channel.open()
        except BaseException:
            channel.abandon()
            raise
        return channel

    async def close(self) -> None:
        """Close the connection, even if the broker does not respond."""
        if not self.closed.done():
            self._send(methods.close(methods.CONNECTION_CLOSE))
            await asyncio.wait((self.closed,), timeout=CLOSE_SECONDS)
        self._fail(ConnectionClosed("the connection was closed"))

    async def wait_closed(self) -> AmqpError:
        """Wait until the connection ends, and return the reason."""
        await asyncio.wait((self.closed,))
        return self.closed.result()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the protocol header (asyncio.Protocol)."""
        self._transport = cast("asyncio.Transport", transport)
        self.output = Output(self._transport)
        self.output.write(PROTOCOL_HEADER)

    def data_received(self, data: bytes) -> None:
        """Process received bytes (asyncio.Protocol)."""
        if self._heartbeat:
            self._heartbeat.on_data()
        try:
            self._reader.feed(data)
        except ProtocolError as error:
            self._fail(error)

    def connection_lost(self, exc: Exception | None) -> None:
        """End the connection (asyncio.Protocol)."""
        self._fail(ConnectionClosed(f"the connection was lost: {exc or 'the broker disconnected'}"))

    def pause_writing(self) -> None:
        """Pause writing (asyncio.Protocol)."""
        self.output.pause()

    def resume_writing(self) -> None:
        """Resume writing (asyncio.Protocol)."""
        self.output.resume()

    async def _perform_handshake(self, address: Address, name: str, heartbeat: int) -> None:
        start = await self._calls.call(None, methods.CONNECTION_START)
        start.short()
        start.table()
        if b"PLAIN" not in start.long_string().split():
            raise ConnectionClosed("the broker does not offer the PLAIN mechanism")
        login = methods.start_ok(_client_properties(name), address.user, address.password)
        tune = await self._calls.call(login, methods.CONNECTION_TUNE)
        interval = self._tune(tune.short(), tune.long(), _smaller_limit(heartbeat, tune.short()))
        await self._calls.call(methods.open_connection(address.virtual_host), methods.CONNECTION_OPEN_OK)
        if interval:
            self._heartbeat = Heartbeat(self.output, interval=interval, on_silence=self._on_silence)

    def _tune(self, channel_max: int, frame_max: int, heartbeat: int) -> int:
        self._channel_max = _smaller_limit(CHANNEL_MAX, channel_max)
        self.frame_max = max(FRAME_MIN, _smaller_limit(FRAME_MAX, frame_max))
        self._send(methods.tune_ok(self._channel_max, self.frame_max, heartbeat))
        return heartbeat

    def _on_frame(self, kind: int, number: int, payload: bytes) -> None:
        if number:
            if channel := self._channels.get(number):
                channel.on_frame(kind, payload)
        elif kind == METHOD:
            self._on_method(methods.method_id(payload), payload)
        elif kind != HEARTBEAT:
            raise ProtocolError(f"unexpected frame of type {kind}")

    def _on_method(self, method: int, payload: bytes) -> None:
        match method:
            case methods.CONNECTION_CLOSE:
                arguments = methods.arguments(payload)
                code, text = arguments.short(), arguments.short_string()
                self._send(methods.bare(methods.CONNECTION_CLOSE_OK))
                self._fail(ConnectionClosed(f"the broker closed the connection: {code} {text}"))
            case methods.CONNECTION_CLOSE_OK:
                self._fail(ConnectionClosed("the connection was closed"))
            case methods.CONNECTION_BLOCKED:
                self._block(methods.arguments(payload).short_string() or "an alarm")
            case methods.CONNECTION_UNBLOCKED:
                self.alarm = ""
                self._on_alarm("")
            case _:
                self._calls.on_response(method, payload)

    def _block(self, alarm: str) -> None:
        self.alarm = alarm
        for channel in self._channels.values():
            channel.block()
        self._on_alarm(alarm)

    def _on_silence(self) -> None:
        self._fail(ConnectionClosed("no data from the broker for two heartbeat intervals"))

    def _fail(self, error: ConnectionClosed) -> None:
        if self.closed.done():
            return
        self.closed.set_result(error)
        self._reader.stop()
        self._calls.fail(error)
        if self._heartbeat:
            self._heartbeat.stop()
        for channel in tuple(self._channels.values()):
            channel.fail(error)
        if self._transport:
            self._disconnect(self._transport)

    def _disconnect(self, transport: asyncio.Transport) -> None:
        self.output.flush()
        self.output.close()
        transport.close()
        # A peer that stopped reading would keep the socket open while data is unsent.
        asyncio.get_running_loop().call_later(CLOSE_SECONDS, transport.abort)

    def _free_number(self) -> int:
        for number in range(1, self._channel_max + 1):
            if number not in self._channels:
                return number
        raise ConnectionClosed(f"all {self._channel_max} channels are in use")

    def _forget(self, number: int) -> None:
        self._channels.pop(number, None)

    def _send(self, method: bytes) -> None:
        if not self.closed.done():
            self.output.write(frame(METHOD, 0, method))


def _failed_to_open(error: BaseException) -> ConnectionClosed:
    match error:
        case ConnectionClosed():
            return error
        case TimeoutError():
            return ConnectionClosed("connecting timed out")
    return ConnectionClosed(f"cannot connect: {error}")


def _smaller_limit(ours: int, theirs: int) -> int:
    """Return the smaller of two limits, where 0 means no limit."""
    return min(ours, theirs) if ours and theirs else ours or theirs


def _client_properties(name: str) -> Table:
    return {
        "product": "Flowport",
        "connection_name": name,
        "capabilities": {
            "authentication_failure_close": True,
            "basic.nack": True,
            "connection.blocked": True,
            "consumer_cancel_notify": True,
            "publisher_confirms": True,
        },
    }
