"""Of many processes, only the leader dispatches."""

import pytest
from tests.support.jobs.dispatcher import System, figure

from shared.errors import Unavailable


@pytest.fixture
def system() -> System:
    return System()


async def test_a_process_that_does_not_lead_publishes_nothing(system: System) -> None:
    system.queue.add("a", "a0")
    await system.dispatcher.step()
    system.queue.add("a", "a1")

    await system.another("standby").step()

    assert system.sent == ["a0"]


async def test_a_stopping_leader_is_replaced_immediately(system: System) -> None:
    standby = system.another("standby")
    await system.dispatcher.step()
    await system.dispatcher.stop()

    system.queue.add("a", "a0")
    await standby.step()

    assert system.sent == ["a0"]


async def test_a_replaced_leader_forgets_its_pending_work(system: System) -> None:
    system.work.is_up = False
    system.queue.add("a", "a0")
    await system.dispatcher.step()
    system.leases.give("dispatcher", "other")
    system.clock.seconds = 3
    system.work.is_up = True

    await system.dispatcher.step()

    assert system.sent == []


async def test_the_lease_is_renewed_rarely(system: System) -> None:
    for _ in range(50):
        await system.dispatcher.step()
    assert system.leases.requests == 1

    system.clock.seconds = 2.1
    await system.dispatcher.step()
    assert system.leases.requests == 2


async def test_a_former_leader_is_woken_by_every_event() -> None:
    system = System(window=1)
    system.queue.add("a", "a0", "a1")
    await system.dispatcher.step()
    assert not system.is_woken_by_news()

    system.leases.holders["dispatcher"] = "somebody else"
    system.clock.seconds += 60
    await system.dispatcher.step()
    assert system.is_woken_by_news()


async def test_a_process_without_the_store_does_not_claim_to_lead(system: System) -> None:
    """The lease has expired, and no other process can acquire it either."""
    await system.dispatcher.step()
    assert figure("leading", role="dispatcher") == 1
    system.leases.fails = Unavailable("the store does not respond")
    system.clock.seconds = 60
    with pytest.raises(Unavailable):
        await system.dispatcher.step()
    assert figure("leading", role="dispatcher") == 0

    system.leases.fails = None
    await system.dispatcher.step()
    assert figure("leading", role="dispatcher") == 1


async def test_a_replaced_leader_reports_no_workspace(system: System) -> None:
    dispatcher = system.another("me", shows_workspaces=True)
    system.queue.concurrency = 0
    system.queue.add("replaced", "r0")
    await dispatcher.step()
    assert figure("workspace_queued_runs", workspace="replaced") == 1
    system.leases.give("dispatcher", "another")
    system.clock.seconds = 60
    await dispatcher.step()
    assert figure("workspace_queued_runs", workspace="replaced") is None
