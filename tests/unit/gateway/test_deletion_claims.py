"""Several gateways delete, one at a time for each deletion."""

import asyncio
from datetime import timedelta

import pytest
from tests.support.eventually import eventually
from tests.support.gateway.calls import FakeCalls
from tests.support.gateway.clock import HandClock
from tests.support.gateway.deployments import FakeDeployments
from tests.support.gateway.erasures import FakeEraser, FakeErasures
from tests.support.gateway.people import FakeAudit

from gateway.access.audit import AuditLog
from gateway.access.sessions import Revocations
from gateway.deletion.service import CLAIM, DeletionService
from gateway.deletion.store import Erasure
from gateway.workflows.endpoints import Endpoints
from shared.broker.connect import open_broker
from shared.contracts.erasure import Erase, Erased


class SlowEraser(FakeEraser):
    """Deletes after `may_delete`."""

    def __init__(self) -> None:
        super().__init__()
        self.left = 2
        self.may_delete = asyncio.Event()

    async def erase(self, request: Erase) -> Erased:
        deleted = await super().erase(request)
        await self.may_delete.wait()
        return deleted


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def erasures(clock: HandClock) -> FakeErasures:
    erasures = FakeErasures()
    await erasures.save_erasure(Erasure.of(Erase("WS1", "W"), by="somebody", at=clock.now(), settle=timedelta(hours=1)))
    return erasures


def a_gateway(erasures: FakeErasures, eraser: FakeEraser, clock: HandClock) -> DeletionService:
    deployments = FakeDeployments()
    return DeletionService(
        erasures,
        deployments,
        (eraser,),
        FakeCalls(),
        endpoints=Endpoints(deployments, clock, stale_seconds=0),
        revocations=Revocations(open_broker("memory://deletion", service="gateway").control, settle_seconds=0),
        audit=AuditLog(FakeAudit(), clock),
        clock=clock,
        settle=timedelta(hours=1),
    )


async def test_a_deletion_in_progress_is_left_to_its_gateway(erasures: FakeErasures, clock: HandClock) -> None:
    slow, other = SlowEraser(), FakeEraser()
    round_ = asyncio.create_task(a_gateway(erasures, slow, clock).step())
    await eventually(lambda: slow.requests)
    await a_gateway(erasures, other, clock).step()
    assert other.requests == []
    slow.may_delete.set()
    await round_
    assert erasures.under_way["WS1/W"].documents == 2


async def test_the_deletion_of_a_lost_gateway_is_continued(erasures: FakeErasures, clock: HandClock) -> None:
    lost, other = SlowEraser(), FakeEraser()
    round_ = asyncio.create_task(a_gateway(erasures, lost, clock).step())
    await eventually(lambda: lost.requests)
    clock.advance(CLAIM.total_seconds())
    other.left = 1
    await a_gateway(erasures, other, clock).step()
    continued = erasures.under_way["WS1/W"]
    assert (continued.documents, continued.emptied_at) == (1, clock.now())
    lost.may_delete.set()
    await round_
    assert erasures.under_way["WS1/W"] == continued


async def test_a_gateway_that_stops_leaves_its_deletion_to_others(erasures: FakeErasures, clock: HandClock) -> None:
    slow, other = SlowEraser(), FakeEraser()
    round_ = asyncio.create_task(a_gateway(erasures, slow, clock).step())
    await eventually(lambda: slow.requests)
    round_.cancel()
    await asyncio.wait([round_])
    await a_gateway(erasures, other, clock).step()
    assert len(other.requests) == 1
