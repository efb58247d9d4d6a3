"""Events are stored for readers that come later, or reconnect."""

import pytest
from tests.support.eventually import until
from tests.support.jobs.system import WORKSPACE, System, a_spec

from jobs_service.events import PAGE_BYTES
from shared.broker.queue_topology import EVENTS
from shared.contracts.event_pages import EventLogPage, EventPosition
from shared.contracts.events import Chunk, RunEvent, RunStarted, StreamReset
from shared.contracts.messages import CancelRun, EventBatch
from shared.contracts.runs import RunStatus
from shared.errors import NotFound

RUN = "run-1"
BEFORE_ALL = EventPosition(0, -1)


def batch(first: int, *events: RunEvent, attempt: int = 1) -> EventBatch:
    return EventBatch(RUN, 0, events, attempt=attempt, first=first)


async def publish_events(system: System, *batches: EventBatch) -> None:
    for each in batches:
        await system.broker.work.publish(EVENTS, each)


async def read(system: System, after: EventPosition = BEFORE_ALL, workspace_id: str = WORKSPACE) -> EventLogPage:
    query = f"workspace_id={workspace_id}&attempt={after.attempt}&number={after.number}"
    return await system.gateway.client.call("GET", f"/internal/runs/{RUN}/events?{query}", returns=EventLogPage)


async def wait_for_batches(system: System, count: int) -> None:
    async def are_stored() -> bool:
        return len((await read(system)).batches) == count

    await until(are_stored)


async def test_events_are_read_in_order_whenever_one_comes(system: System) -> None:
    await system.gateway.accept(a_spec(RUN))
    second, first = batch(2, Chunk("b", "lo")), batch(0, RunStarted(), Chunk("b", "Hel"))
    await publish_events(system, second, first)
    await wait_for_batches(system, 2)

    page = await read(system)
    assert page == EventLogPage(RunStatus.QUEUED, (first, second))


async def test_a_returning_reader_gets_the_new_events(system: System) -> None:
    await system.gateway.accept(a_spec(RUN))
    first, second = batch(0, RunStarted(), Chunk("b", "Hel")), batch(2, Chunk("b", "lo"))
    restarted = batch(0, StreamReset(2), attempt=2)
    await publish_events(system, first, second, restarted)
    await wait_for_batches(system, 3)

    assert (await read(system, EventPosition(1, 0))).batches == (first, second, restarted)
    assert (await read(system, EventPosition(1, 1))).batches == (second, restarted)
    assert (await read(system, EventPosition(1, 2))).batches == (restarted,)
    assert (await read(system, EventPosition(2, 0))).batches == ()


async def test_a_repeated_batch_is_stored_once(system: System) -> None:
    await system.gateway.accept(a_spec(RUN))
    await publish_events(system, batch(0, Chunk("b", "x")), batch(0, Chunk("b", "x")), batch(1, Chunk("b", "y")))
    await wait_for_batches(system, 2)


async def test_a_page_of_large_batches_is_a_short_one(system: System) -> None:
    await system.gateway.accept(a_spec(RUN))
    large = [batch(number, Chunk("b", "x" * (PAGE_BYTES * 2 // 5))) for number in range(3)]
    await publish_events(system, *large)
    await wait_for_batches(system, 2)

    async def third() -> bool:
        return (await read(system, EventPosition(1, 1))).batches == (large[2],)

    await until(third)
    assert await read(system) == EventLogPage(RunStatus.QUEUED, (large[0], large[1]), has_more=True)
    assert not (await read(system, EventPosition(1, 1))).has_more


async def test_a_batch_larger_than_a_page_is_read_alone(system: System) -> None:
    await system.gateway.accept(a_spec(RUN))
    huge, next_one = batch(0, Chunk("b", "x" * (PAGE_BYTES + 1))), batch(1, Chunk("b", "y"))
    await publish_events(system, huge, next_one)

    async def are_stored() -> bool:
        return (await read(system, EventPosition(1, 0))).batches == (next_one,)

    await until(are_stored)
    assert await read(system) == EventLogPage(RunStatus.QUEUED, (huge,), has_more=True)


async def test_the_events_of_another_workspace_are_not_readable(system: System) -> None:
    await system.gateway.accept(a_spec(RUN))
    await publish_events(system, batch(0, Chunk("b", "secret")))
    await wait_for_batches(system, 1)

    with pytest.raises(NotFound):
        await read(system, workspace_id="workspace-2")


async def test_an_undecodable_event_becomes_a_dead_letter(system: System) -> None:
    await system.gateway.accept(a_spec(RUN))
    await system.broker.work.publish(EVENTS, CancelRun(RUN))
    await publish_events(system, batch(0, Chunk("b", "x")))
    await wait_for_batches(system, 1)
