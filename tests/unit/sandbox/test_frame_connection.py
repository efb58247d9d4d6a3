"""Frames between the executor and a jailed process, and what a process can make the executor buffer."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from executor_service.sandbox.frame_connection import FrameConnection, FrameTooLarge

MAX_FRAME = 1 << 20
READ_AHEAD = 1 << 20
"""More than a connection and the kernel buffer while nothing waits for a frame."""


@dataclass
class Pair:
    connection: FrameConnection
    process: socket.socket

    async def write(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.process, data)


@pytest_asyncio.fixture
async def pair() -> AsyncIterator[Pair]:
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    with theirs:
        connection = await FrameConnection.open(ours, MAX_FRAME)
        yield Pair(connection, theirs)
        connection.abort()
        await asyncio.sleep(0)


def frame(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body


async def test_a_frame_may_arrive_in_any_pieces(pair: Pair) -> None:
    receiving = asyncio.create_task(pair.connection.receive())
    for byte in frame(b"one"):
        await pair.write(bytes([byte]))
        await asyncio.sleep(0)
    assert await receiving == b"one"


async def test_frames_that_arrive_together_are_received_one_by_one(pair: Pair) -> None:
    await pair.write(frame(b"one") + frame(b"") + frame(b"three")[:6])
    assert [await pair.connection.receive(), await pair.connection.receive()] == [b"one", b""]
    receiving = asyncio.create_task(pair.connection.receive())
    await pair.write(frame(b"three")[6:])
    assert await receiving == b"three"


async def test_a_large_frame_arrives_while_its_receiver_waits(pair: Pair) -> None:
    body = bytes(MAX_FRAME)
    writing = asyncio.create_task(pair.write(frame(body)))
    assert await pair.connection.receive() == body
    await writing


async def test_the_length_alone_refuses_a_frame_that_is_too_large(pair: Pair) -> None:
    receiving = asyncio.create_task(pair.connection.receive())
    await pair.write(struct.pack(">I", MAX_FRAME + 1))
    with pytest.raises(FrameTooLarge):
        await receiving


async def test_a_process_that_writes_more_than_anyone_reads_is_paused(pair: Pair) -> None:
    await pair.write(frame(b"first"))
    writing = asyncio.create_task(pair.write(frame(bytes(MAX_FRAME)) * 4))
    done, _ = await asyncio.wait({writing}, timeout=0.1)
    assert not done
    assert len(pair.connection._received) < READ_AHEAD
    received = [len(await pair.connection.receive()) for _ in range(5)]
    assert received == [5, *[MAX_FRAME] * 4]
    await writing


async def test_a_frame_received_before_the_end_is_returned_first(pair: Pair) -> None:
    await pair.write(frame(b"last") + frame(b"cut off")[:-1])
    pair.process.close()
    assert await pair.connection.receive() == b"last"
    with pytest.raises(ConnectionError):
        await pair.connection.receive()
    with pytest.raises(ConnectionError):
        await pair.connection.send(b"more")


async def test_a_receiver_learns_that_the_process_has_ended(pair: Pair) -> None:
    receiving = asyncio.create_task(pair.connection.receive())
    await asyncio.sleep(0)
    pair.process.close()
    with pytest.raises(ConnectionError):
        await receiving


async def test_a_sender_waits_while_the_process_does_not_read(pair: Pair) -> None:
    body = bytes(4 << 20)
    sending = asyncio.create_task(pair.connection.send(body))
    done, _ = await asyncio.wait({sending}, timeout=0.1)
    assert not done
    received = 0
    while received < len(frame(body)):
        received += len(await asyncio.get_running_loop().sock_recv(pair.process, 1 << 20))
    await sending


async def test_a_waiting_sender_learns_that_the_connection_was_closed(pair: Pair) -> None:
    sending = asyncio.create_task(pair.connection.send(bytes(4 << 20)))
    await asyncio.wait({sending}, timeout=0.05)
    pair.connection.abort()
    with pytest.raises(ConnectionError):
        await sending
