"""A reader of a durable run merges live events and the log, without gaps or duplicates."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

import pytest
from structlog.testing import capture_logs
from tests.support.gateway.clock import NOON
from tests.support.gateway.jobs import last_of
from tests.support.left_behind import without_collections

from gateway.runs import followed as run_reader
from gateway.runs.errors import CallerDisconnected, StreamBroken
from gateway.runs.followed import Numbered, RunReader
from shared.contracts.event_pages import EventLogPage, EventPosition
from shared.contracts.events import Chunk, RunEnded, RunEvent, RunStarted, StreamReset
from shared.contracts.messages import EventBatch
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunOutcome, RunStatus
from shared.errors import Unavailable

ENDED = RunEnded(
    RunOutcome(status=RunStatus.COMPLETED, output=Payload(), started_at=NOON, ended_at=NOON, duration_ms=1)
)


def batch(first: int, *events: RunEvent, attempt: int = 1) -> EventBatch:
    return EventBatch("run", 0, events, attempt=attempt, first=first)


def text(*pieces: str) -> list[RunEvent]:
    return [Chunk("b", piece) for piece in pieces]


class Log:
    """The stored batches."""

    def __init__(self) -> None:
        self.batches: list[EventBatch] = []
        self.status = RunStatus.PROCESSING
        self.reads = 0
        self.while_reading: Callable[[], None] = lambda: None
        self.page: int | None = None
        """Number of batches per page; all of them by default."""

    async def events(self, workspace_id: str, run_id: str, after: EventPosition) -> EventLogPage:
        self.reads += 1
        self.while_reading()
        behind = tuple(each for each in self.batches if last_of(each) > after)
        return EventLogPage(
            self.status, behind[: self.page], has_more=self.page is not None and len(behind) > self.page
        )


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Wait briefly."""
    monkeypatch.setattr(run_reader, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(run_reader, "GAP_SECONDS", 0.01)
    yield


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def reader(log: Log) -> RunReader:
    return RunReader("run", "W", after=EventPosition(0, -1), events=log, leave=lambda reader: None)


def events_of(numbered: Sequence[Numbered]) -> list[RunEvent]:
    return [event for _, event in numbered]


async def all_of(reader: RunReader) -> list[RunEvent]:
    found: list[RunEvent] = []
    async with asyncio.timeout(30):
        while numbered := await reader.take():
            found += events_of(numbered)
    return found


async def test_live_events_are_delivered_immediately_without_the_log(reader: RunReader, log: Log) -> None:
    reader.feed(batch(0, RunStarted(), *text("Hel")))
    assert events_of(await reader.take()) == [RunStarted(), *text("Hel")]
    reader.feed(batch(2, *text("lo")))
    assert events_of(await reader.take()) == text("lo")
    assert log.reads == 0


async def test_a_late_reader_reads_the_log_and_then_continues_live(reader: RunReader, log: Log) -> None:
    log.batches = [batch(0, RunStarted(), *text("Hel"))]
    reader.read_log()
    reader.feed(batch(2, *text("lo")))
    assert events_of(await reader.take()) == [RunStarted(), *text("Hel", "lo")]


async def test_events_sent_just_before_the_subscription_are_found_quickly(
    reader: RunReader, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_reader, "POLL_SECONDS", 3600)
    monkeypatch.setattr(run_reader, "JOIN_SECONDS", 0.01)
    log.batches = [batch(0, RunStarted())]
    reader.read_log()
    assert events_of(await reader.take()) == [RunStarted()]
    waiting = asyncio.ensure_future(reader.take())
    await asyncio.sleep(0.005)
    log.batches.append(batch(1, *text("on its way")))
    assert events_of(await asyncio.wait_for(waiting, 30)) == text("on its way")


async def test_a_log_with_one_batch_per_page_is_read_to_its_end_without_pauses(
    reader: RunReader, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_reader, "POLL_SECONDS", 3600)
    monkeypatch.setattr(run_reader, "JOIN_SECONDS", 3600)
    log.page = 1
    log.batches = [batch(number, *text(str(number))) for number in range(3)]
    reader.read_log()
    async with asyncio.timeout(30):
        assert [events_of(await reader.take()) for _ in range(3)] == [text("0"), text("1"), text("2")]


async def test_repeated_events_are_read_once(reader: RunReader, log: Log) -> None:
    log.batches = [batch(0, RunStarted(), *text("a", "b", "c"))]
    reader.feed(batch(0, RunStarted(), *text("a")))
    reader.read_log()
    first = await reader.take()
    second = await reader.take()
    assert [position.number for position, _ in [*first, *second]] == [0, 1, 2, 3]


async def test_a_gap_is_filled_from_the_log_as_soon_as_it_is_there(reader: RunReader, log: Log) -> None:
    reader.feed(batch(0, *text("a")))
    assert events_of(await reader.take()) == text("a")
    reader.feed(batch(2, *text("c")))
    waiting = asyncio.ensure_future(reader.take())
    await asyncio.sleep(0.03)
    assert not waiting.done()
    log.batches = [batch(0, *text("a", "b"))]
    assert events_of(await waiting) == text("b", "c")


async def test_a_gap_that_stays_is_an_error_and_never_missing_text(reader: RunReader, log: Log) -> None:
    reader.feed(batch(1, *text("b")))
    with capture_logs() as logs, pytest.raises(StreamBroken):
        await asyncio.wait_for(reader.take(), 30)
    assert [line["event"] for line in logs] == ["run_events_missing"]


def is_read_with_pauses(log: Log) -> None:
    """Check that a reader retries a missing event a few times, not without end."""

    def count() -> None:
        assert log.reads <= 2 * run_reader.MAX_GAPS, "the log is read again and again"

    log.while_reading = count


async def test_a_gap_that_stays_in_the_log_is_an_error_and_never_missing_text(reader: RunReader, log: Log) -> None:
    is_read_with_pauses(log)
    log.batches = [batch(0, *text("a")), batch(2, *text("c"))]
    log.status = RunStatus.COMPLETED
    reader.read_log()
    assert events_of(await reader.take()) == text("a")
    with pytest.raises(StreamBroken):
        await asyncio.wait_for(reader.take(), 30)


async def test_out_of_order_batches_are_read_in_order(reader: RunReader, log: Log) -> None:
    is_read_with_pauses(log)
    log.batches = [batch(0, *text("a")), batch(2, *text("c"))]
    reader.read_log()
    assert events_of(await reader.take()) == text("a")
    waiting = asyncio.ensure_future(reader.take())
    await asyncio.sleep(0.03)
    assert not waiting.done()
    log.batches.insert(1, batch(1, *text("b")))
    assert events_of(await waiting) == text("b", "c")


async def test_expired_events_of_an_attempt_are_not_missed_after_the_next_started(reader: RunReader, log: Log) -> None:
    is_read_with_pauses(log)
    log.batches = [batch(7, *text("lost")), batch(0, StreamReset(2), *text("b"), ENDED, attempt=2)]
    log.status = RunStatus.COMPLETED
    reader.read_log()
    assert await all_of(reader) == [StreamReset(2), *text("b")]


async def test_a_temporary_log_outage_ends_no_stream(reader: RunReader, log: Log) -> None:
    def raise_unavailable() -> None:
        if log.reads < 5:
            raise Unavailable("the store does not respond")

    log.while_reading = raise_unavailable
    log.batches, log.status = [batch(0, *text("a"), ENDED)], RunStatus.COMPLETED
    reader.read_log()
    assert await all_of(reader) == text("a")


async def test_live_events_are_read_during_a_log_outage(
    reader: RunReader, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raise_unavailable() -> None:
        raise Unavailable("the store does not respond")

    log.while_reading = raise_unavailable
    reader.read_log()
    waiting = asyncio.ensure_future(reader.take())
    await asyncio.sleep(0.03)
    reader.feed(batch(0, *text("a")))
    assert events_of(await asyncio.wait_for(waiting, 30)) == text("a")

    monkeypatch.setattr(run_reader, "MAX_UNAVAILABLE_SECONDS", 0.05)
    with pytest.raises(Unavailable):
        await asyncio.wait_for(reader.take(), 30)


async def test_a_slow_reader_costs_no_memory_and_misses_nothing(
    reader: RunReader, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_reader, "BUFFER_BYTES", 5_000)
    log.batches = [batch(n, Chunk("b", f"{n:1000}")) for n in range(100)]
    for each in log.batches:
        reader.feed(each)
    log.status = RunStatus.COMPLETED
    log.batches.append(batch(100, ENDED))
    assert await all_of(reader) == [Chunk("b", f"{n:1000}") for n in range(100)]


async def test_the_end_is_reported_only_after_all_events(reader: RunReader, log: Log) -> None:
    reader.feed(batch(0, RunStarted(), *text("a"), ENDED))
    log.status = RunStatus.COMPLETED
    assert await all_of(reader) == [RunStarted(), *text("a")]


async def test_an_idle_run_without_a_stored_end_ends(reader: RunReader, log: Log) -> None:
    log.batches, log.status = [batch(0, *text("a"))], RunStatus.FAILED
    assert await all_of(reader) == text("a")


async def test_a_resumed_run_continues_after_its_reset(reader: RunReader, log: Log) -> None:
    reader.feed(batch(0, RunStarted(), *text("lost")))
    reader.feed(batch(0, StreamReset(2), *text("again"), ENDED, attempt=2))
    log.status = RunStatus.COMPLETED
    assert await all_of(reader) == [RunStarted(), *text("lost"), StreamReset(2), *text("again")]


async def test_a_run_that_paused_and_went_on_is_read_over_its_pause(reader: RunReader, log: Log) -> None:
    log.batches = [batch(0, *text("a"), ENDED), batch(0, StreamReset(2), *text("b"), ENDED, attempt=2)]
    log.status = RunStatus.COMPLETED
    assert await all_of(reader) == [*text("a"), StreamReset(2), *text("b")]


async def test_events_arriving_during_the_reading_cause_another_reading(
    reader: RunReader, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.batches = [batch(0, *text("a"))]
    monkeypatch.setattr(run_reader, "POLL_SECONDS", 3600)
    monkeypatch.setattr(run_reader, "JOIN_SECONDS", 3600)
    reader.read_log()
    log.while_reading = reader.read_log
    assert events_of(await reader.take()) == text("a")
    log.while_reading = lambda: None
    log.batches.append(batch(1, *text("b")))
    assert events_of(await reader.take()) == text("b")


async def test_a_disconnected_reader_no_longer_waits(reader: RunReader) -> None:
    waiting = asyncio.ensure_future(reader.take())
    await asyncio.sleep(0)
    reader.disconnect()
    with pytest.raises(CallerDisconnected):
        await asyncio.wait_for(waiting, 30)


async def test_a_disconnected_reader_leaves_no_request_in_memory(reader: RunReader) -> None:
    class Request:
        pass

    async def read(request: Request) -> None:
        reader.disconnect()
        with suppress(CallerDisconnected):
            await reader.take()

    with without_collections() as remains:
        await read(Request())
        assert remains.of(Request) == []
