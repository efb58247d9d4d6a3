"""A scripted broker at the level of frames."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from flowport_amqp import methods
from flowport_amqp.address import Address
from flowport_amqp.frames import BODY, HEADER, HEARTBEAT, METHOD, PROTOCOL_HEADER, FrameReader, frame
from flowport_amqp.wire import long_string, short_string, table

START = methods.bare(methods.CONNECTION_START) + b"\0\x09" + table({"product": "fake"}) + long_string(b"PLAIN AMQPLAIN")
START += long_string(b"en_US")


def tune(*, heartbeat: int = 0, frame_max: int = 131_072, channel_max: int = 2047) -> bytes:
    """Encode connection.tune."""
    limits = channel_max.to_bytes(2, "big") + frame_max.to_bytes(4, "big") + heartbeat.to_bytes(2, "big")
    return methods.bare(methods.CONNECTION_TUNE) + limits


Frame = tuple[int, int, bytes]


@dataclass
class Peer:
    """Broker side of one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    seen: list[Frame] = field(default_factory=list)
    _unread: list[Frame] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._frame_reader = FrameReader(lambda kind, channel, payload: self._unread.append((kind, channel, payload)))

    async def next_frame(self) -> Frame:
        """Return the next frame from the client, including heartbeats."""
        while not self._unread:
            data = await asyncio.wait_for(self.reader.read(65536), 30)
            if not data:
                raise ConnectionResetError
            self._frame_reader.feed(data)
        one = self._unread.pop(0)
        self.seen.append(one)
        return one

    async def expect(self, method: int) -> bytes:
        """Return the arguments of the next method, which must be `method`."""
        while True:
            kind, _, payload = await self.next_frame()
            if kind == METHOD:
                assert methods.method_id(payload) == method
                return payload[4:]

    def send(self, payload: bytes, *, channel: int = 0, kind: int = METHOD) -> None:
        """Send one frame."""
        self.writer.write(frame(kind, channel, payload))

    def send_raw(self, data: bytes) -> None:
        """Send bytes that need not be a frame."""
        self.writer.write(data)

    async def accept_connection(self, tune_payload: bytes | None = None) -> None:
        """Accept the client's connection."""
        assert await self.reader.readexactly(8) == PROTOCOL_HEADER
        self.send(START)
        await self.expect(methods.CONNECTION_START_OK)
        self.send(tune_payload or tune())
        await self.expect(methods.CONNECTION_TUNE_OK)
        await self.expect(methods.CONNECTION_OPEN)
        self.send(methods.bare(methods.CONNECTION_OPEN_OK) + b"\0")

    async def open_channel(self) -> None:
        """Accept channel 1 with confirms."""
        await self.expect(methods.CHANNEL_OPEN)
        self.send(methods.bare(methods.CHANNEL_OPEN_OK) + long_string(b""), channel=1)
        await self.expect(methods.CONFIRM_SELECT)
        self.send(methods.bare(methods.CONFIRM_SELECT_OK), channel=1)

    async def next_published_body(self) -> bytes:
        """Return the body of the next published message."""
        await self.expect(methods.BASIC_PUBLISH)
        kind, _, header = await self.next_frame()
        assert kind == HEADER
        size = int.from_bytes(header[4:12], "big")
        body = b""
        while len(body) < size:
            kind, _, part = await self.next_frame()
            assert kind == BODY
            body += part
        return body

    def confirm(self, tag: int, *, multiple: bool = False, method: int = methods.BASIC_ACK) -> None:
        """Confirm publishes."""
        self.send(methods.bare(method) + tag.to_bytes(8, "big") + bytes((multiple,)), channel=1)

    def deliver(self, body: bytes, *, consumer: str = "1.0", tag: int = 1) -> None:
        """Deliver one message."""
        names = short_string("") + short_string("queue")
        method = methods.bare(methods.BASIC_DELIVER) + short_string(consumer) + tag.to_bytes(8, "big") + b"\0" + names
        self.send(method, channel=1)
        self.send(methods.content_header(len(body), b"\0\0"), channel=1, kind=HEADER)
        if body:
            self.send(body, channel=1, kind=BODY)

    def send_heartbeat(self) -> None:
        """Send a heartbeat."""
        self.send(b"", kind=HEARTBEAT)


Script = Callable[[Peer], Awaitable[None]]


@asynccontextmanager
async def run_peer(script: Script, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Run a peer that plays `script` for each connection, and raise the script's errors at the end."""
    tasks: list[asyncio.Task[None]] = []

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script(Peer(reader, writer))
        finally:
            writer.close()

    def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.create_task(play(reader, writer)))

    server = await asyncio.start_server(on_connection, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
        await asyncio.wait_for(asyncio.gather(*tasks), 30)
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def address(port: int, *, tls: ssl.SSLContext | None = None) -> Address:
    """Return the address of the fake peer."""
    return Address(host="127.0.0.1", port=port, user="user", password="secret", virtual_host="/", tls=tls)
