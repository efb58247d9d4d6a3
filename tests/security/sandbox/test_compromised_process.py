"""A jailed process under an attacker's control may send anything; the parent stays responsive, bounded and correct."""

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
import pytest
import pytest_asyncio
from tests.support.eventually import eventually

from executor_service.sandbox import FetchRequest, FetchResponse, SandboxLimits
from executor_service.sandbox.child import Child, ChildDied, NestedTooDeeply, ProtocolBroken, TooManyValues
from executor_service.sandbox.messages import MAX_HEADERS
from executor_service.sandbox.session import ScriptSession
from executor_service.sandbox.zygote import Exit
from shared.workflow.format.sizes import MAX_VALUES

LIMITS = SandboxLimits(max_fetches=3)
MAX_FRAME = 100_000
FETCH = b'{"type":"fetch","id":0,"url":"http://a","method":"GET","headers":{},"body":null}'


class Jailer:
    """A fake zygote that records the kills."""

    alive = True

    def __init__(self) -> None:
        self.killed: list[int] = []

    def kill(self, number: int) -> None:
        self.killed.append(number)


class Convict:
    """The other end of the socket, under the attacker's control."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def say(self, body: bytes) -> None:
        self.writer.write(struct.pack(">I", len(body)) + body)

    async def hear(self) -> bytes:
        """Return the next frame of the parent."""
        async with asyncio.timeout(30):
            (size,) = struct.unpack(">I", await self.reader.readexactly(4))
            return await self.reader.readexactly(size)


class Fetches:
    body = b""

    def __init__(self) -> None:
        self.made = 0

    async def __call__(self, request: FetchRequest) -> FetchResponse:
        self.made += 1
        return FetchResponse(status=200, status_text="OK", url=request.url, headers={}, body=self.body)


class Body(bytes):
    """A response that counts how often it is decoded."""

    decoded = 0

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        self.decoded += 1
        return super().decode(encoding, errors)


class Cell:
    """A child process that the test plays. `sent` counts the frames that it was given."""

    def __init__(
        self, streams: tuple[asyncio.StreamReader, asyncio.StreamWriter], convict: Convict, max_frame: int
    ) -> None:
        self.convict, self.jailer = convict, Jailer()
        self.exit: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self.child = Child(self.jailer, 7, self.exit, streams, max_frame)  # type: ignore[arg-type]
        self.fetches = Fetches()
        self.sent = 0
        self._send = self.child.send
        self.child.send = self._count  # type: ignore[method-assign]

    async def _count(self, message: msgspec.Struct | bytes) -> None:
        self.sent += 1
        await self._send(message)

    async def talk(self, frame: bytes = b"{}", limits: SandboxLimits = LIMITS) -> object:
        async with asyncio.timeout(30):
            return await ScriptSession(self.child, self.fetches, limits, "ws").run(frame)


@pytest_asyncio.fixture
async def cell() -> AsyncIterator[Cell]:
    async with a_cell(MAX_FRAME) as cell:
        yield cell


@contextlib.asynccontextmanager
async def a_cell(max_frame: int = 32 << 20) -> AsyncIterator[Cell]:
    ours, theirs = socket.socketpair()
    streams = await asyncio.open_unix_connection(sock=ours)
    convict = Convict(*await asyncio.open_unix_connection(sock=theirs))
    cell = Cell(streams, convict, max_frame)
    yield cell
    cell.child.kill()
    convict.writer.transport.abort()
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    "words",
    [
        b"",
        b"not json",
        b"\xff\xfe",
        b"{}",
        b"null",
        b'[{"type":"returned","result":1,"stdout":5}]',
        b'[{"type":"unknown"}]',
        b'[{"type":"thrown","name":"Error"}]',
        b'[{"type":"fetch","id":"0","url":"http://a","method":"GET","headers":{},"body":null}]',
        b'[{"type":"fetch","id":0,"url":"http://a","method":"GET","headers":{"a":1},"body":null}]',
        b'[{"type":"refused","text":"x"}]',
        b"[" + b",".join([FETCH] * 4) + b"]",
        b'[{"type":"returned","result":' + b"1" * 20 + b"}",
    ],
)
async def test_messages_outside_the_protocol_end_the_conversation(cell: Cell, words: bytes) -> None:
    cell.convict.say(words)
    with pytest.raises(ProtocolBroken):
        await cell.talk()


async def test_a_result_nested_past_reading_is_recognised(cell: Cell) -> None:
    cell.convict.say(b'[{"type":"returned","result":' + b"[" * 20_000 + b"]" * 20_000 + b"}]")
    with pytest.raises(NestedTooDeeply):
        await cell.talk()


@pytest.mark.parametrize("value", [b"[]", b"1", b'""', b'{"a":1}'])
async def test_a_frame_of_too_many_values_is_not_decoded(value: bytes) -> None:
    async with a_cell() as cell:
        cell.convict.say(b'[{"type":"returned","result":[' + b",".join([value] * 2 * MAX_VALUES) + b"]}]")
        with pytest.raises(TooManyValues):
            await cell.talk()


async def test_too_many_messages_are_not_decoded() -> None:
    async with a_cell() as cell:
        cell.convict.say(b"[" + b",".join([b'{"type":"ready"}'] * 2 * MAX_VALUES) + b"]")
        with pytest.raises(TooManyValues):
            await cell.talk()


@pytest.mark.parametrize("count", [MAX_HEADERS + 1, 900_000])
async def test_a_fetch_of_too_many_headers_is_not_made(count: int) -> None:
    headers = b",".join(b'"h%d":""' % number for number in range(count))
    async with a_cell() as cell:
        cell.convict.say(b"[" + FETCH.replace(b"{}", b"{" + headers + b"}") + b"]")
        talk = asyncio.create_task(cell.talk())
        await cell.convict.hear()
        assert json.loads(await cell.convict.hear())["error"] == "fetch allows at most 100 headers"
        cell.convict.say(b'[{"type":"returned","result":1}]')
        await talk
        assert cell.fetches.made == 0


async def test_a_frame_that_claims_to_be_huge_is_not_waited_for(cell: Cell) -> None:
    cell.convict.writer.write(struct.pack(">I", 0xFFFF_FFFF))
    with pytest.raises(ProtocolBroken):
        await cell.talk()


async def test_empty_answers_cannot_continue_indefinitely(cell: Cell) -> None:
    for _ in range(100):
        cell.convict.say(b"[]")
    with pytest.raises(ProtocolBroken):
        await cell.talk()


async def test_fetches_over_the_limit_are_not_made(cell: Cell) -> None:
    for _ in range(10):
        cell.convict.say(b"[" + FETCH + b"]")
    with pytest.raises(ProtocolBroken):
        await cell.talk()
    assert cell.fetches.made <= LIMITS.max_fetches


async def test_a_process_that_reads_no_answers_makes_the_parent_hold_few() -> None:
    """As many responses as it may request at a time, and one of them as text and encoded."""
    async with a_cell() as cell:
        cell.fetches.body = body = Body(b"\x01" * (1 << 20))  # a byte that JSON escapes with six
        talk = asyncio.create_task(cell.talk(limits=SandboxLimits(max_fetches=20, concurrent_fetches=2)))
        await cell.convict.hear()
        for _ in range(20):
            cell.convict.say(b"[" + FETCH + b"]")
        await eventually(lambda: cell.fetches.made == 2)
        for _ in range(1_000):  # the loop's turns, in which further fetches could start
            await asyncio.sleep(0)
        assert (cell.fetches.made, body.decoded, cell.sent) == (2, 1, 2)  # the script and one answer
        for _ in range(20):
            assert json.loads(await cell.convict.hear())["body"] == cell.fetches.body.decode()
        cell.convict.say(b'[{"type":"returned","result":1}]')
        await talk


@pytest.mark.parametrize("field", [b"null", b"http://a", b"GET", b"{}"])
async def test_fetches_that_together_exceed_the_scripts_memory_are_not_made(field: bytes) -> None:
    large = {b"null": b'"' + b"x" * 1_000 + b'"', b"{}": b'{"a":"' + b"x" * 1_000 + b'"}'}.get(field, b"x" * 1_000)
    call = FETCH.replace(field, large)
    async with a_cell() as cell:
        talk = asyncio.create_task(cell.talk(limits=SandboxLimits(heap_bytes=2_500, concurrent_fetches=1)))
        await cell.convict.hear()
        cell.convict.say(b"[" + b",".join([call] * 3) + b"]")
        errors = [json.loads(await cell.convict.hear())["error"] for _ in range(3)]
        assert errors == [None, None, "fetch has too much data in requests that wait"]
        cell.convict.say(b"[" + call + b"]")  # there is room again
        assert json.loads(await cell.convict.hear())["error"] is None
        cell.convict.say(b'[{"type":"returned","result":1}]')
        await talk


async def test_messages_after_the_end_are_ignored(cell: Cell) -> None:
    cell.convict.say(b'[{"type":"returned","result":1,"stdout":""},{"type":"returned","result":2,"stdout":""}]')
    ending = await cell.talk()
    assert bytes(ending.result) == b"1"  # type: ignore[attr-defined]


async def test_a_process_that_hangs_up_without_dying_is_killed(cell: Cell) -> None:
    cell.convict.writer.close()
    with pytest.raises(ChildDied):
        await cell.talk()
    assert cell.jailer.killed == [7]


async def test_half_a_frame_and_death_is_a_death(cell: Cell) -> None:
    cell.convict.writer.write(struct.pack(">I", 100) + b'[{"type"')
    await cell.convict.writer.drain()
    cell.exit.set_result(Exit(11, 0))
    cell.convict.writer.close()
    with pytest.raises(ChildDied) as death:
        await cell.talk()
    assert death.value.exit.signal == 11


Trick = Callable[[Cell], Awaitable[None]]


async def say_nothing(cell: Cell) -> None:
    await asyncio.sleep(60)


async def drip(cell: Cell) -> None:
    cell.convict.writer.write(struct.pack(">I", 1000))
    while True:
        cell.convict.writer.write(b" ")
        await asyncio.sleep(0.01)


async def never_read(cell: Cell) -> None:
    cell.convict.reader._transport.pause_reading()  # type: ignore[attr-defined]
    await asyncio.sleep(60)


@pytest.mark.parametrize("trick", [say_nothing, drip, never_read])
async def test_a_process_that_stalls_is_left_by_the_callers_timeout(cell: Cell, trick: Trick) -> None:
    stalling = asyncio.ensure_future(trick(cell))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await cell.talk(b"x" * 10_000_000)
    stalling.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await stalling
