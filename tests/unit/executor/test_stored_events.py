"""Events of durable runs reach present followers and later readers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec
import pytest

from executor_service.adapters import durable_run_events, publish_retries
from executor_service.adapters.durable_run_events import (
    MAX_FOLLOWERS,
    MAX_TEXT,
    MAX_VALUE_BYTES,
    STORE_EVENTS,
    DurableRunEvents,
)
from shared.broker.connect import open_broker
from shared.broker.ports import Broker, BrokerUnavailable, Delivery, QueueFull, ReplyInbox, Settlement
from shared.broker.queue_topology import EVENTS
from shared.contracts.events import (
    BlockStreamFailed,
    Chunk,
    RunEnded,
    RunEvent,
    RunStarted,
    SelectedOutput,
    SelectedOutputFailed,
    StreamReset,
)
from shared.contracts.messages import EventBatch, Message
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunOutcome, RunStatus
from shared.ids import new_id

NOW = datetime.now(UTC)
OUTCOME = RunOutcome(
    status=RunStatus.COMPLETED,
    output=Payload(inline=msgspec.Raw(b'{"a":1}'), size=7),
    started_at=NOW,
    ended_at=NOW,
    duration_ms=1.0,
)
ENDED = RunEnded(msgspec.structs.replace(OUTCOME, output=Payload()))


@dataclass
class Follower:
    """A follower that subscribes at some moment."""

    inbox: ReplyInbox
    batches: list[EventBatch]

    @property
    def address(self) -> str:
        return self.inbox.address

    @property
    def events(self) -> list[RunEvent]:
        return [event for batch in self.batches for event in batch.events]


@dataclass
class World:
    """A broker, and the events to store."""

    broker: Broker
    stored: list[EventBatch] = field(default_factory=list)

    async def follower(self) -> Follower:
        batches: list[EventBatch] = []
        return Follower(await self.broker.replies.open_inbox(batches.append, lambda: None), batches)

    async def keep(self, delivery: Delivery) -> Settlement:
        assert isinstance(delivery.message, EventBatch)
        self.stored.append(delivery.message)
        return Settlement.ACK

    def kept_events(self) -> list[RunEvent]:
        return [event for batch in self.stored for event in batch.events]


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    broker = open_broker(f"memory://{new_id()}", service="test")
    await broker.start()
    try:
        made = World(broker)
        await broker.work.consume(EVENTS, made.keep, prefetch=100)
        yield made
    finally:
        await broker.stop()


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_followers_get_text_immediately_and_the_end_without_the_output() -> None:
    async with world() as here:
        follower = await here.follower()
        events = DurableRunEvents(here.broker, "run", 1)
        await events.begin(follower.address)
        await events.emit(Chunk("b", "Hel"))
        await settled()
        assert follower.events == [RunStarted(), Chunk("b", "Hel")]

        await events.emit(Chunk("b", "lo"))
        await events.close(OUTCOME)
        await settled()
        assert follower.events[2:] == [Chunk("b", "lo"), ENDED]
        assert [batch.first for batch in follower.batches] == [0, 2]


async def test_all_events_are_stored_with_the_same_numbers() -> None:
    async with world() as here:
        events = DurableRunEvents(here.broker, "run", 1)
        await events.begin(None)
        for n in range(600):
            await events.emit(Chunk(f"b{n % 2}", "x"))
        await events.close(OUTCOME)
        await settled()

        assert len(here.kept_events()) == 602
        assert here.kept_events()[-1] == ENDED
        numbers = [batch.first + n for batch in here.stored for n in range(len(batch.events))]
        assert numbers == list(range(602))
        assert len(here.stored) < 10


async def test_late_readers_get_the_following_events() -> None:
    async with world() as here:
        events = DurableRunEvents(here.broker, "run", 1)
        await events.begin(None)
        await events.emit(Chunk("b", "Hel"))
        await settled()
        follower = await here.follower()
        events.follow(follower.address)
        await events.emit(Chunk("b", "lo"))
        await events.close()
        await settled()

        assert follower.events == [Chunk("b", "lo")]
        assert follower.batches[0].first == 2


async def test_a_later_attempt_makes_void_what_came_before() -> None:
    async with world() as here:
        events = DurableRunEvents(here.broker, "run", 2)
        await events.begin(None)
        await events.close()
        await settled()

        assert [(batch.attempt, batch.first, batch.events) for batch in here.stored] == [(2, 0, (StreamReset(2),))]


async def test_a_lost_follower_affects_no_other() -> None:
    async with world() as here:
        closed, open_reader = await here.follower(), await here.follower()
        events = DurableRunEvents(here.broker, "run", 1)
        events.follow(closed.address)
        events.follow(open_reader.address)
        await closed.inbox.close()
        await events.emit(Chunk("b", "x"))
        await events.close(OUTCOME)
        await settled()

        assert open_reader.events == [Chunk("b", "x"), ENDED]


async def test_a_follower_that_does_not_renew_gets_no_further_events(monkeypatch: pytest.MonkeyPatch) -> None:
    async with world() as here:
        renewed, expired = await here.follower(), await here.follower()
        events = DurableRunEvents(here.broker, "run", 1)
        events.follow(renewed.address)
        monkeypatch.setattr(durable_run_events, "FOLLOW_SECONDS", 0.0)
        events.follow(expired.address)
        await events.emit(Chunk("b", "x"))
        await events.close()
        await settled()

        assert (renewed.events, expired.events) == ([Chunk("b", "x")], [])


async def test_followers_are_bounded() -> None:
    async with world() as here:
        followers = [await here.follower() for _ in range(MAX_FOLLOWERS + 1)]
        events = DurableRunEvents(here.broker, "run", 1)
        for follower in followers:
            events.follow(follower.address)
        await events.emit(Chunk("b", "x"))
        await events.close()
        await settled()

        assert [bool(follower.events) for follower in followers] == [True] * MAX_FOLLOWERS + [False]


async def test_endless_text_is_cut_once_and_its_end_is_still_sent() -> None:
    async with world() as here:
        follower = await here.follower()
        events = DurableRunEvents(here.broker, "run", 1)
        events.follow(follower.address)
        for _ in range(3):
            await events.emit(Chunk("b", "x" * (MAX_TEXT // 2)))
        await events.emit(Chunk("b", "x"))
        await events.close(OUTCOME)
        await settled()

        assert [type(event) for event in follower.events] == [Chunk, Chunk, BlockStreamFailed, RunEnded]


async def test_a_value_too_large_for_a_stream_is_refused_by_name() -> None:
    async with world() as here:
        follower = await here.follower()
        events = DurableRunEvents(here.broker, "run", 1)
        events.follow(follower.address)
        huge = msgspec.Raw(b'"' + b"x" * MAX_VALUE_BYTES + b'"')
        await events.emit(SelectedOutput("b", "result", huge))
        await events.close()
        await settled()

        assert [type(event) for event in follower.events] == [SelectedOutputFailed]


@pytest.mark.parametrize("problem", [BrokerUnavailable("it restarts"), QueueFull("the queue exceeds its bound")])
async def test_events_refused_by_a_restarting_broker_are_offered_again(
    problem: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish_retries, "PAUSE_SECONDS", 0.0)
    async with world() as here:
        publish, left = here.broker.work.publish, iter(range(60))

        async def in_time(queue: str, message: Message) -> None:
            if next(left, None) is not None:
                raise problem
            await publish(queue, message)

        monkeypatch.setattr(here.broker.work, "publish", in_time)
        events = DurableRunEvents(here.broker, "run", 1)
        await events.begin(None)
        await events.close(OUTCOME)
        await settled()
        assert here.kept_events() == [RunStarted(), ENDED]


async def test_after_a_loss_later_events_are_not_awaited_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish_retries, "PAUSE_SECONDS", 0.0)
    offered = 0

    async def refuse(queue: str, message: Message) -> None:
        nonlocal offered
        offered += 1
        raise BrokerUnavailable("it is unavailable")

    async with world() as here:
        monkeypatch.setattr(here.broker.work, "publish", refuse)
        events = DurableRunEvents(here.broker, "run", 1)
        for _ in range(3):
            for _ in range(STORE_EVENTS):
                await events.emit(BlockStreamFailed("b", "no"))
            await events.emit(Chunk("b", "x" * 2000))
        await events.close(OUTCOME)
    assert offered < 150


class StalledQueue:
    """A work queue that takes nothing until the test lets it."""

    def __init__(self, here: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go_on = asyncio.Event()
        self._publish = here.broker.work.publish
        monkeypatch.setattr(here.broker.work, "publish", self.publish)

    async def publish(self, queue: str, message: Message) -> None:
        await self.go_on.wait()
        await self._publish(queue, message)


async def test_storage_that_is_slow_delays_no_event(monkeypatch: pytest.MonkeyPatch) -> None:
    async with world() as here:
        queue, follower = StalledQueue(here, monkeypatch), await here.follower()
        events = DurableRunEvents(here.broker, "run", 1)
        await events.begin(follower.address)
        for number in range(2 * STORE_EVENTS):
            await asyncio.wait_for(events.emit(Chunk(f"b{number}", "x" * 2_000)), 30)
        await settled()
        assert len(follower.events) == 2 * STORE_EVENTS + 1
        queue.go_on.set()
        await events.close(OUTCOME)
        await settled()
        assert here.kept_events() == [*follower.events]


async def test_events_that_wait_for_slow_storage_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durable_run_events, "UNSTORED_BYTES", 10_000)
    async with world() as here:
        queue = StalledQueue(here, monkeypatch)
        events = DurableRunEvents(here.broker, "run", 1)
        for number in range(20):
            await events.emit(Chunk(f"b{number}", "x" * 2_000))
        queue.go_on.set()
        await events.close(OUTCOME)
        await settled()
        stored = {batch.first + n: event for batch in here.stored for n, event in enumerate(batch.events)}
        assert len(stored) < 15
        assert stored[20] == ENDED  # later events keep their numbers


async def test_text_of_six_bytes_per_character_is_stored_in_messages_of_bounded_size() -> None:
    texts = [Chunk("a", "\x01" * 1_000_000), Chunk("b", "\x02" * 1_000_000)]
    async with world() as here:
        events = DurableRunEvents(here.broker, "run", 1)
        await events.begin(None)
        for text in texts:
            await events.emit(text)
        await events.close(OUTCOME)
        await settled()
        assert here.kept_events() == [RunStarted(), *texts, ENDED]
        numbers = [batch.first + n for batch in here.stored for n in range(len(batch.events))]
        assert numbers == list(range(4))
