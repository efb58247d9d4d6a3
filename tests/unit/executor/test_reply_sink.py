"""The events of a run reach its caller in order, coalesced, without a gap."""

import asyncio

import msgspec
import pytest
from tests.support.eventually import eventually
from tests.support.executor.fakes import Callers

from executor_service.adapters import event_batcher, reply_channel
from executor_service.adapters.event_batcher import (
    BATCH_BYTES,
    FLUSH_BYTES,
    FLUSH_SECONDS,
    EventBatcher,
)
from executor_service.adapters.reply_channel import BrokerReplyChannel
from executor_service.ports import DeliveryStatus
from shared.clock import SystemClock
from shared.contracts.events import MAX_CHUNK, Chunk, RunEnded, RunEvent, RunStarted, SelectedOutput, Thinking, size_of
from shared.contracts.messages import EventBatch
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunOutcome, RunStatus
from shared.errors import Unavailable


def ended() -> RunEnded:
    now = SystemClock().now()
    outcome = RunOutcome(status=RunStatus.COMPLETED, output=Payload(), started_at=now, ended_at=now, duration_ms=1.0)
    return RunEnded(outcome)


def sink_to(callers: Callers, broken: list[bool] | None = None) -> BrokerReplyChannel:
    lost = broken if broken is not None else []
    return BrokerReplyChannel(callers, "inbox", "r1", on_broken=lambda: lost.append(True))


async def loop_turns() -> None:
    """Run every task until it waits."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_the_first_text_is_sent_immediately() -> None:
    callers = Callers()
    sink = sink_to(callers)
    await sink.emit(RunStarted())
    await sink.emit(Chunk("b", "Once"))
    await loop_turns()
    assert callers.events == [RunStarted(), Chunk("b", "Once")]
    await sink.close()


async def test_the_start_is_sent_with_the_first_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_batcher, "START_EVENT_SECONDS", 3600.0)
    callers = Callers()
    sink = sink_to(callers)
    await sink.emit(RunStarted())
    await asyncio.sleep(FLUSH_SECONDS * 2)
    await sink.emit(Chunk("b", "Once"))
    await sink.close()
    assert [list(batch.events) for batch in callers.batches] == [[RunStarted(), Chunk("b", "Once")]]


async def test_the_start_is_sent_without_any_text() -> None:
    callers = Callers()
    sink = sink_to(callers)
    await sink.emit(RunStarted())
    await eventually(lambda: callers.events == [RunStarted()])
    await sink.close()


async def test_events_before_the_first_text_are_sent_within_milliseconds() -> None:
    callers = Callers()
    sink = sink_to(callers)
    await sink.emit(RunStarted())
    await sink.emit(Thinking("b", "Well"))
    await eventually(lambda: callers.events == [RunStarted(), Thinking("b", "Well")])
    await sink.close()


async def test_later_text_is_joined_and_sent_within_milliseconds() -> None:
    callers = Callers()
    sink = sink_to(callers)
    for text in ("Once", " upon", " a", " time"):
        await sink.emit(Chunk("b", text))
        await loop_turns()
    assert len(callers.batches) == 1
    await eventually(lambda: callers.events == [Chunk("b", "Once"), Chunk("b", " upon a time")])
    await sink.close()


async def test_text_is_not_held_past_its_size() -> None:
    callers = Callers()
    sink = sink_to(callers)
    await sink.emit(Chunk("b", "first"))
    await loop_turns()
    await sink.emit(Chunk("b", "x" * FLUSH_BYTES))
    assert len(callers.batches) == 2
    await sink.emit(Chunk("b", "and"))
    await loop_turns()
    assert len(callers.batches) == 2, "what was sent does not count"
    await sink.close()


async def test_the_end_is_sent_immediately() -> None:
    callers = Callers()
    sink = sink_to(callers)
    await sink.emit(ended())
    closing = asyncio.create_task(sink.close())
    await loop_turns()
    assert closing.done()
    assert [type(event) for event in callers.events] == [RunEnded]


async def test_one_batch_is_sent_after_the_other() -> None:
    callers = Callers()
    callers.window.clear()
    sink = sink_to(callers)
    await sink.emit(Chunk("b", "first"))
    await loop_turns()
    await sink.emit(ended())
    await loop_turns()
    assert callers.waiting == 1
    callers.window.set()
    assert await sink.close() is DeliveryStatus.DELIVERED
    assert [batch.seq for batch in callers.batches] == [0, 1]


async def test_no_effect_waits_for_more_than_that_the_caller_knows_of_the_run() -> None:
    callers = Callers()
    sink = sink_to(callers)
    await sink.emit(RunStarted())
    await sink.confirm_start()
    assert callers.events == [RunStarted()]
    callers.window.clear()
    await sink.emit(Chunk("b", "x"))
    await loop_turns()
    hearing = asyncio.create_task(sink.confirm_start())
    await loop_turns()
    assert hearing.done()
    callers.window.set()
    await sink.close()


async def test_an_effect_cannot_be_announced_to_a_disconnected_caller() -> None:
    callers = Callers()
    callers.is_disconnected = True
    sink = sink_to(callers)
    await sink.emit(RunStarted())
    with pytest.raises(Unavailable):
        await sink.confirm_start()


async def test_a_caller_lost_in_the_middle_is_detected_at_the_end() -> None:
    callers = Callers()
    sink = sink_to(callers)
    await sink.emit(Chunk("b", "x"))
    await loop_turns()
    callers.is_disconnected = True
    await sink.emit(ended())
    assert await sink.close() is DeliveryStatus.DISCONNECTED


async def test_events_behind_an_undeliverable_batch_are_not_sent() -> None:
    callers, broken = Callers(), list[bool]()
    callers.is_disconnected = True
    callers.window.clear()
    sink = sink_to(callers, broken)
    await sink.emit(Chunk("b", "x"))
    await loop_turns()
    await sink.emit(ended())
    callers.window.set()
    assert await sink.close() is DeliveryStatus.DISCONNECTED
    assert broken == [True]


async def test_texts_of_different_blocks_are_never_joined() -> None:
    callers = Callers()
    sink = sink_to(callers)
    for block, text in (("a", "1"), ("a", "2"), ("b", "3"), ("a", "4")):
        await sink.emit(Chunk(block, text))
    await sink.emit(ended())
    await sink.close()
    assert callers.events[:-1] == [Chunk("a", "12"), Chunk("b", "3"), Chunk("a", "4")]


async def test_a_short_run_is_one_message() -> None:
    callers = Callers()
    sink = sink_to(callers)
    await sink.emit(RunStarted())
    await sink.emit(ended())
    await sink.close()
    assert len(callers.batches) == 1
    assert [type(event) for event in callers.events] == [RunStarted, RunEnded]


async def test_pending_events_of_a_cancelled_block_are_sent() -> None:
    callers = Callers()
    callers.window.clear()
    sink = sink_to(callers)
    speech = Chunk("b", "x" * FLUSH_BYTES)
    speaking = asyncio.create_task(sink.emit(speech))
    await eventually(lambda: callers.waiting)
    speaking.cancel()
    await asyncio.wait([speaking])
    assert speaking.cancelled()
    callers.window.set()
    await sink.emit(ended())
    assert await sink.close() is DeliveryStatus.DELIVERED
    assert callers.events[0] == speech
    assert [batch.seq for batch in callers.batches] == [0, 1]


async def test_an_unsendable_event_is_a_failure() -> None:
    tries: list[EventBatch] = []

    class Broken(Callers):
        async def send(self, address: str, batch: EventBatch, *, must_route: bool) -> None:
            tries.append(batch)
            raise RuntimeError("too large")

    sink = sink_to(Broken())
    for event in (RunStarted(), ended()):
        await sink.emit(event)
        with pytest.raises(RuntimeError):
            await sink.close()
    assert len(tries) == 1, "after it nothing can be told without a gap"


async def test_batches_are_numbered_without_a_gap() -> None:
    callers = Callers()
    sink = sink_to(callers)
    for _ in range(20):
        await sink.emit(Chunk("b", "x" * FLUSH_BYTES))
    await sink.emit(ended())
    await sink.close()
    assert [batch.seq for batch in callers.batches] == list(range(len(callers.batches)))


async def test_a_disconnected_caller_is_reported_once_and_gets_no_more_events() -> None:
    callers, broken = Callers(), list[bool]()
    callers.is_disconnected = True
    sink = sink_to(callers, broken)
    await sink.emit(Chunk("b", "x"))
    await sink.emit(Chunk("b", "y" * FLUSH_BYTES))
    await sink.emit(ended())
    await sink.close()
    assert broken == [True]
    assert callers.batches == []


async def test_events_refused_by_the_broker_are_sent_after_its_recovery() -> None:
    callers, broken = Callers(), list[bool]()
    callers.broker_lost = True
    sink = sink_to(callers, broken)
    await sink.emit(ended())
    closing = asyncio.create_task(sink.close())
    await asyncio.sleep(0.01)
    assert not closing.done()
    callers.broker_lost = False
    assert await closing is DeliveryStatus.DELIVERED
    assert [batch.seq for batch in callers.batches] == [0]
    assert broken == []


async def test_a_caller_whose_address_was_lost_with_the_broker_is_disconnected() -> None:
    callers, broken = Callers(), list[bool]()
    sink = sink_to(callers, broken)
    await sink.emit(Chunk("b", "x"))
    await loop_turns()
    callers.broker_lost = callers.is_disconnected = True
    sending = asyncio.create_task(sink.emit(Chunk("b", "y" * FLUSH_BYTES)))
    await asyncio.sleep(0.01)
    callers.broker_lost = False
    await sending
    assert broken == [True]


async def test_a_long_broker_outage_ends_the_sending(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reply_channel, "RECONNECT_SECONDS", 0.0)
    callers, broken = Callers(), list[bool]()
    callers.broker_lost = True
    sink = sink_to(callers, broken)
    await sink.emit(Chunk("b", "x"))
    assert await sink.close() is DeliveryStatus.UNKNOWN
    assert broken == [True]


async def test_a_reader_that_is_too_slow_receives_the_end_once_there_is_room() -> None:
    callers, broken = Callers(), list[bool]()
    callers.full = True
    sink = sink_to(callers, broken)
    await sink.emit(ended())
    closing = asyncio.create_task(sink.close())
    await asyncio.sleep(0.01)
    assert not closing.done()
    callers.full = False
    assert await closing is DeliveryStatus.DELIVERED
    assert broken == []


async def test_a_reader_that_is_too_slow_for_what_happens_may_wait_for_the_end() -> None:
    callers, broken = Callers(), list[bool]()
    callers.full = True
    sink = sink_to(callers, broken)
    await sink.emit(Chunk("b", "x"))
    assert await sink.close() is DeliveryStatus.UNKNOWN
    assert broken == [True]


async def test_a_backlog_of_several_blocks_is_sent_in_batches_of_bounded_size() -> None:
    sent: list[tuple[RunEvent, ...]] = []
    line = asyncio.Event()

    async def send(events: tuple[RunEvent, ...]) -> None:
        await line.wait()
        sent.append(events)

    out = EventBatcher(send)
    large: list[RunEvent] = [
        SelectedOutput(f"b{number}", "", msgspec.Raw(b"1" * (BATCH_BYTES - 10))) for number in range(3)
    ]
    text: list[RunEvent] = [Chunk("b", "x" * (MAX_CHUNK // 2 + 1)) for _ in range(3)]
    emitting = [asyncio.create_task(out.emit(event)) for event in (*large, *text)]
    await loop_turns()
    line.set()
    await asyncio.gather(*emitting)
    await out.flush()
    assert [event for batch in sent for event in batch] == [*large, *text]
    assert max(sum(map(size_of, batch)) for batch in sent) <= BATCH_BYTES
