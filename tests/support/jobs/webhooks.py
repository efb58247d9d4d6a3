"""Webhooks of one workspace, and a subscriber."""

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

from tests.support.eventually import until
from tests.support.http_stub import HttpStub
from tests.support.jobs.system import WORKSPACE, System, a_spec, an_outcome

from shared.contracts.jobs import BlockLog
from shared.contracts.runs import RunStatus
from shared.contracts.webhooks import (
    Delivery,
    DeliveryPage,
    DeliveryState,
    SaveSubscription,
    Subscription,
)

BASE = f"/internal/webhooks/{WORKSPACE}"
SECRET = "whsec_" + b64encode(b"k" * 24).decode()
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
FILE = {"id": "file_1", "name": "order.pdf", "key": "execution/1", "context": "execution"}
STARTED = BlockLog(
    block_id="start",
    block_name="Start",
    block_type="start_trigger",
    started_at=NOON,
    ended_at=NOON,
    duration_ms=0,
    success=True,
    execution_order=1,
    output={"papers": [FILE]},
)


class Stub(HttpStub):
    """A subscriber that records its deliveries."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


async def subscribe(system: System, url: str, **fields: Any) -> Subscription:
    body = SaveSubscription(url=url, **fields)
    return await system.gateway.client.call("POST", f"{BASE}/subscriptions", body=body, returns=Subscription)


async def deliveries(system: System, query: str = "") -> tuple[Delivery, ...]:
    return (await system.gateway.client.call("GET", f"{BASE}/deliveries{query}", returns=DeliveryPage)).deliveries


async def settled(system: System, count: int = 1) -> list[Delivery]:
    async def done() -> bool:
        found = await deliveries(system)
        return len(found) >= count and all(each.state is not DeliveryState.PENDING for each in found)

    await until(done)
    return list(await deliveries(system))


async def run(
    system: System,
    status: RunStatus = RunStatus.COMPLETED,
    *,
    blocks: tuple[BlockLog, ...] = (),
    output: bytes = b'{"answer":42}',
    **fields: Any,
) -> str:
    accepted = await system.gateway.accept(a_spec(workflow_name="Order desk", **fields))
    granted = await system.executor.begin()
    await system.executor.finish(accepted.run_id, granted.attempt, an_outcome(status, output), blocks=blocks)
    return accepted.run_id
