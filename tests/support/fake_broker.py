"""A scripted AMQP broker at the level of methods."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from pamqp import frame
from pamqp.base import Frame
from pamqp.commands import Channel, Confirm, Connection, Exchange, Queue

START = Connection.Start(
    server_properties={"capabilities": {"publisher_confirms": True, "basic.nack": True}}, mechanisms="PLAIN"
)
Answer = Callable[[Frame], Frame | None]


def accept(method: Frame) -> Frame | None:
    """Answer what every broker answers."""
    match method:
        case Connection.StartOk():
            return Connection.Tune(channel_max=2047, frame_max=131_072, heartbeat=0)
        case Connection.Open():
            return Connection.OpenOk()
        case Connection.Close():
            return Connection.CloseOk()
        case Channel.Open():
            return Channel.OpenOk()
        case Channel.Close():
            return Channel.CloseOk()
        case Confirm.Select():
            return Confirm.SelectOk()
        case Exchange.Declare():
            return Exchange.DeclareOk()
        case Queue.Declare():
            return Queue.DeclareOk(queue=method.queue, message_count=0, consumer_count=0)
    return None


@asynccontextmanager
async def fake_broker(answer: Answer = accept) -> AsyncIterator[int]:
    """Run a broker that answers each method as `answer` says; yield its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readexactly(len(b"AMQP") + 4)
            writer.write(frame.marshal(START, 0))
            while True:
                head = await reader.readexactly(7)
                rest = await reader.readexactly(int.from_bytes(head[3:7], "big") + 1)
                _, channel, method = frame.unmarshal(head + rest)
                if isinstance(method, Frame) and (response := answer(method)) is not None:
                    writer.write(frame.marshal(response, channel))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
