"""The dispatcher: fair, bounded, confirmed, and alone."""

import asyncio
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs
from tests.unit.jobs.fakes import FakeLeases, FakeQueue, FakeWork, ManualClock

from jobs_service.application.dispatching import Dispatching, DispatchPolicy
from jobs_service.application.leader import Leader
from jobs_service.application.loops import Bell
from jobs_service.domain.capacity import Offer
from jobs_service.ports import Leadership
from shared.errors import Unavailable


class System:
    """A dispatcher and everything around it."""

    def __init__(self, *, window: int = 4) -> None:
        self.clock = ManualClock()
        self.leases = FakeLeases()
        self.queue = FakeQueue(self.clock)
        self.work = FakeWork()
        self.window = window
        self.bell = Bell()
        self.dispatcher = self.another("me")

    def another(self, holder: str, *, shows_workspaces: bool = False) -> Dispatching:
        """One more process that would dispatch."""
        leader = Leader(self.leases, Leadership("dispatcher", holder), timedelta(seconds=6), self.clock)
        policy = DispatchPolicy(self.window, timedelta(seconds=10), shows_workspaces=shows_workspaces)
        return Dispatching(self.queue, self.work, leader, policy, clock=self.clock, bell=self.bell)

    def is_woken_by_news(self) -> bool:
        """Whether the dispatcher wants to hear of new runs."""
        return self.bell.has_room

    @property
    def sent(self) -> list[str]:
        """The runs that were published, in order."""
        return [message.run_id for message in self.work.sent]


@pytest.fixture
def system() -> System:
    return System()


async def cut_short(system: System) -> None:
    """A step that hangs in the store, until whoever runs it loses patience."""
    system.queue.hangs = True
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await system.dispatcher.step()
    system.queue.hangs = False


async def test_no_more_runs_are_published_than_may_be_unclaimed() -> None:
    system = System(window=4)
    system.queue.add("a", *(f"a{n}" for n in range(10)))

    await system.dispatcher.step()
    await system.dispatcher.step()
    assert system.sent == ["a0", "a1", "a2", "a3"]

    system.queue.claim("a1")
    await system.dispatcher.step()
    assert system.sent[4:] == ["a4"]


async def test_what_is_new_wakes_the_dispatcher_only_while_it_may_publish_more() -> None:
    system = System(window=2)
    system.queue.add("a", "a0")
    await system.dispatcher.step()
    assert system.is_woken_by_news()

    system.queue.add("a", "a1", "a2")
    await system.dispatcher.step()
    assert not system.is_woken_by_news()

    system.queue.claim("a0")
    system.queue.claim("a1")
    await system.dispatcher.step()
    assert system.is_woken_by_news()


async def test_room_that_was_planned_for_runs_that_are_gone_is_still_there() -> None:
    system = System(window=2)
    system.queue.add("a", "a0", "a1")
    system.queue.cancelled |= {"a0", "a1"}

    await system.dispatcher.step()

    assert system.sent == []
    assert system.is_woken_by_news()


async def test_a_dispatcher_that_does_not_lead_any_more_is_woken_by_everything() -> None:
    system = System(window=1)
    system.queue.add("a", "a0", "a1")
    await system.dispatcher.step()
    assert not system.is_woken_by_news()

    system.leases.holders["dispatcher"] = "somebody else"
    system.clock.seconds += 60
    await system.dispatcher.step()
    assert system.is_woken_by_news()


async def test_a_newcomer_is_next_however_long_the_other_queue_is() -> None:
    system = System(window=4)
    system.queue.add("busy", *(f"busy{n}" for n in range(1_000)))
    await system.dispatcher.step()

    system.queue.add("quiet", "quiet0")
    system.queue.claim("busy0")
    await system.dispatcher.step()

    assert system.sent[4:] == ["quiet0"]


async def test_a_workspace_gets_no_more_than_its_concurrency() -> None:
    system = System(window=10)
    system.queue.concurrency = 2
    system.queue.add("a", "a0", "a1", "a2")

    await system.dispatcher.step()
    system.queue.claim("a0")
    await system.dispatcher.step()
    assert system.sent == ["a0", "a1"]

    del system.queue.at_work["a0"]
    await system.dispatcher.step()
    assert system.sent == ["a0", "a1", "a2"]


async def test_claimed_runs_give_their_places_in_the_queue_back(system: System) -> None:
    system.queue.add("a", "a0", "a1")
    await system.dispatcher.step()
    assert system.queue.booked == {"a": 2}

    system.queue.claim("a0")
    await system.dispatcher.step()
    await system.dispatcher.step()

    assert system.queue.booked == {"a": 1}


async def test_a_new_leader_books_what_its_predecessor_dispatched(system: System) -> None:
    system.queue.add("a", "a0", "a1")
    await system.dispatcher.step()
    system.leases.give("dispatcher", "other")
    other = system.another("other")
    await other.step()

    system.queue.claim("a0")
    await other.step()

    assert system.queue.booked == {"a": 1}


async def test_a_booking_that_nobody_heard_of_is_recounted_not_repeated(system: System) -> None:
    system.queue.add("a", "a0", "a1")
    await system.dispatcher.step()
    system.queue.claim("a0")
    system.queue.booked["a"] -= 1  # it was booked, but the answer was lost
    system.queue.fails = Unavailable("the store is away")
    with pytest.raises(Unavailable):
        await system.dispatcher.step()

    await system.dispatcher.step()
    await system.dispatcher.step()

    assert system.queue.booked == {"a": 1}


async def test_a_booking_that_was_cut_short_is_made_at_the_next_step(system: System) -> None:
    system.queue.add("a", "a0", "a1")
    await system.dispatcher.step()
    system.queue.claim("a0")
    await cut_short(system)

    await system.dispatcher.step()

    assert system.queue.booked == {"a": 1}


async def test_a_batch_that_was_never_accepted_is_withdrawn_in_time(system: System) -> None:
    system.queue.offers = [Offer("offer", system.clock.now(), {"a": 1}, ["a0"])]
    await system.dispatcher.step()
    assert system.queue.offers

    system.clock.seconds = 15
    await system.dispatcher.step()
    assert not system.queue.offers
    before = len(system.queue.recounts)
    await system.dispatcher.step()
    assert len(system.queue.recounts) == before + 1


async def test_a_run_that_nobody_claims_is_published_again_with_a_new_dispatch(system: System) -> None:
    system.queue.add("a", "a0")
    await system.dispatcher.step()

    system.clock.seconds = 9
    await system.dispatcher.step()
    assert system.sent == ["a0"]

    system.clock.seconds = 11
    await system.dispatcher.step()
    assert system.sent == ["a0", "a0"]
    assert system.work.sent[0].dispatch_id != system.work.sent[1].dispatch_id


async def test_what_the_broker_did_not_take_goes_out_once_it_is_back(system: System) -> None:
    system.queue.add("a", "a0")
    system.work.is_up = False
    await system.dispatcher.step()
    await system.dispatcher.step()

    system.work.is_up = True
    await system.dispatcher.step()

    assert system.sent == ["a0"]
    assert system.queue.unclaimed["a0"].dispatches == 1, "an outage does not make anybody wait longer"


async def test_a_round_that_the_store_refused_loses_nothing(system: System) -> None:
    system.queue.add("a", "a0")
    system.queue.fails = Unavailable("the store is away")
    with pytest.raises(Unavailable):
        await system.dispatcher.step()

    await system.dispatcher.step()

    assert system.sent == ["a0"]


async def test_a_run_whose_round_was_cut_short_does_not_lose_its_turn() -> None:
    system = System(window=1)
    system.queue.add("a", "a0", "a1")
    await cut_short(system)

    await system.dispatcher.step()

    assert system.sent == ["a0"]


async def test_a_process_that_does_not_lead_publishes_nothing(system: System) -> None:
    system.queue.add("a", "a0")
    await system.dispatcher.step()
    system.queue.add("a", "a1")

    await system.another("standby").step()

    assert system.sent == ["a0"]


async def test_a_leader_that_stops_lets_the_next_one_in_at_once(system: System) -> None:
    standby = system.another("standby")
    await system.dispatcher.step()
    await system.dispatcher.stop()

    system.queue.add("a", "a0")
    await standby.step()

    assert system.sent == ["a0"]


async def test_a_leader_that_is_replaced_forgets_what_it_had_in_hand(system: System) -> None:
    system.work.is_up = False
    system.queue.add("a", "a0")
    await system.dispatcher.step()
    system.leases.give("dispatcher", "other")
    system.clock.seconds = 3
    system.work.is_up = True

    await system.dispatcher.step()

    assert system.sent == []


async def test_the_lease_is_asked_for_rarely(system: System) -> None:
    for _ in range(50):
        await system.dispatcher.step()
    assert system.leases.asked == 1

    system.clock.seconds = 2.1
    await system.dispatcher.step()
    assert system.leases.asked == 2


async def test_a_new_leader_recounts_the_books(system: System) -> None:
    await system.dispatcher.step()
    await system.dispatcher.step()
    assert system.queue.recounts == [1]

    system.clock.seconds = 301
    await system.dispatcher.step()
    assert system.queue.recounts == [1, 1]


async def test_a_recount_that_a_batch_under_way_disturbed_is_made_again_soon(system: System) -> None:
    system.queue.offers = [Offer("offer", system.clock.now(), {"a": 1}, ["a0"])]
    await system.dispatcher.step()
    system.queue.offers = []
    system.clock.seconds = 1
    await system.dispatcher.step()
    system.clock.seconds = 2
    await system.dispatcher.step()

    assert len(system.queue.recounts) == 2


def shown(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"flowport_jobs_{name}", labels)


async def test_runs_that_wait_for_their_own_workspace_are_no_backlog_of_the_operators() -> None:
    system = System(window=10)
    system.queue.concurrency = 2
    system.queue.add("busy", *(f"busy{n}" for n in range(50)))
    await system.dispatcher.step()
    system.queue.claim("busy0")
    system.queue.claim("busy1")

    system.clock.seconds = 3_600
    await system.dispatcher.step()

    assert shown("queued_runs") == 48
    assert shown("oldest_waiting_seconds") == 0
    assert shown("ready_runs") == 0, "more executors would have nothing to do"


async def test_a_run_that_may_run_and_is_not_handed_out_grows_older() -> None:
    system = System(window=1)
    system.queue.add("a", "a0", "a1", "a2")
    await system.dispatcher.step()

    system.clock.seconds = 40
    await system.dispatcher.step()

    assert shown("oldest_waiting_seconds") == 40
    assert shown("ready_runs") == 3


async def test_a_run_counts_its_wait_from_when_its_workspace_had_a_place_for_it() -> None:
    system = System(window=2)
    system.queue.concurrency = 1
    system.queue.add("a", "a0", "a1")
    await system.dispatcher.step()
    system.queue.claim("a0")
    system.clock.seconds = 3_600
    await system.dispatcher.step()

    system.queue.add("b", "b0")
    system.queue.add("c", "c0")
    await system.dispatcher.step()
    del system.queue.at_work["a0"]
    system.clock.seconds = 3_605
    await system.dispatcher.step()

    assert system.sent == ["a0", "b0", "c0"], "there is no room in the window"
    assert shown("oldest_waiting_seconds") == 5


async def test_what_is_handed_out_at_once_has_not_waited(system: System) -> None:
    system.clock.seconds = 600
    system.queue.add("a", "a0")
    await system.dispatcher.step()

    assert system.sent == ["a0"]
    assert shown("oldest_waiting_seconds") == 0


async def test_whoever_cannot_reach_the_store_does_not_say_that_it_leads(system: System) -> None:
    """The lease is over meanwhile, and nobody else can take it either."""
    await system.dispatcher.step()
    assert shown("leading", role="dispatcher") == 1
    system.leases.fails = Unavailable("the store does not answer")
    system.clock.seconds = 60
    with pytest.raises(Unavailable):
        await system.dispatcher.step()
    assert shown("leading", role="dispatcher") == 0

    system.leases.fails = None
    await system.dispatcher.step()
    assert shown("leading", role="dispatcher") == 1


async def test_a_leader_that_is_replaced_tells_of_no_workspace_any_more(system: System) -> None:
    dispatcher = system.another("me", shows_workspaces=True)
    system.queue.concurrency = 0
    system.queue.add("replaced", "r0")
    await dispatcher.step()
    assert shown("workspace_queued_runs", workspace="replaced") == 1
    system.leases.give("dispatcher", "another")
    system.clock.seconds = 60
    await dispatcher.step()
    assert shown("workspace_queued_runs", workspace="replaced") is None


async def test_a_broker_that_takes_nothing_is_told_once_and_not_at_every_step(system: System) -> None:
    system.queue.add("a", "a0")
    system.work.is_up = False
    with capture_logs() as logs:
        for _ in range(20):
            await system.dispatcher.step()
        system.work.is_up = True
        await system.dispatcher.step()
    assert [line["event"] for line in logs] == ["runs wait for the broker", "the broker takes runs again"]
    assert system.sent == ["a0"]
