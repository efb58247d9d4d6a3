"""A response's head leaves with the first part of its body, or with the next event-loop turn."""

import asyncio
from collections.abc import Iterable
from typing import cast

from shared.web.response_writer import ResponseWriter


class Wire:
    """Transport that records what each system call would send."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def writelines(self, parts: Iterable[bytes]) -> None:
        self.sent.append(b"".join(parts))

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True


def writer_on(wire: Wire) -> ResponseWriter:
    return ResponseWriter(cast("asyncio.Transport", wire))


async def test_head_and_body_are_sent_in_one_write() -> None:
    wire = Wire()
    writer = writer_on(wire)
    writer.write(b"head ")
    writer.write(b"body")
    assert wire.sent == [b"head body"]
    await asyncio.sleep(0)
    assert wire.sent == [b"head body"]


async def test_the_head_of_a_stream_does_not_wait_for_an_event() -> None:
    wire = Wire()
    writer = writer_on(wire)
    writer.write(b"head ")
    await asyncio.sleep(0)
    writer.write(b"first")
    writer.write(b"second")
    assert wire.sent == [b"head ", b"first", b"second"]


async def test_the_head_of_a_response_with_a_length_waits_for_its_body() -> None:
    wire = Wire()
    writer = writer_on(wire)
    writer.delay(b"head ")
    await asyncio.sleep(0)
    assert not wire.sent
    writer.write(b"body")
    writer.write(b"more")
    assert wire.sent == [b"head body", b"more"]


async def test_a_head_without_body_is_sent() -> None:
    wire = Wire()
    writer = writer_on(wire)
    writer.write(b"head ")
    writer.write(b"")
    assert wire.sent == [b"head "]


async def test_closing_sends_the_head_first() -> None:
    wire = Wire()
    writer = writer_on(wire)
    writer.write(b"head ")
    writer.close()
    assert wire.sent == [b"head "]
    assert writer.is_closing()


async def test_a_delayed_head_is_sent_on_request() -> None:
    wire = Wire()
    writer = writer_on(wire)
    writer.write(b"head ")
    writer.flush()
    wire.close()
    await asyncio.sleep(0)
    assert wire.sent == [b"head "]


async def test_a_head_is_dropped_if_the_connection_closed_before_its_turn() -> None:
    wire = Wire()
    writer_on(wire).write(b"head ")
    wire.close()
    await asyncio.sleep(0)
    assert not wire.sent


async def test_another_way_to_close_replaces_the_usual_one() -> None:
    wire, closed = Wire(), list[bool]()
    writer = writer_on(wire)
    writer.close_with(lambda: closed.append(True))
    writer.write(b"head ")
    writer.close()
    assert wire.sent == [b"head "]
    assert closed == [True]
    assert not wire.is_closed
