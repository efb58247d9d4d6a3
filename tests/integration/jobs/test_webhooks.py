"""Whoever wants to hear of the end of a run is told, signed, under one id, a bounded number of times."""

import asyncio
import hmac
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from pydantic import SecretStr
from tests.integration.jobs.conftest import Start
from tests.integration.jobs.system import WORKSPACE, System, a_spec, an_outcome
from tests.support.deploy import key
from tests.support.eventually import until
from tests.support.http_stub import Answer, HttpStub

from jobs_service.adapters.mongo_notices import MongoNotices
from jobs_service.domain.webhooks import RETRIES, wait_before
from shared.contracts.block_logs import BlockLog
from shared.contracts.messages import RunRecorded
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunMode, RunStatus
from shared.contracts.webhooks import (
    CallbackSecret,
    Delivery,
    DeliveryPage,
    DeliveryState,
    Level,
    SaveSubscription,
    Subscription,
    Subscriptions,
    TestResult,
)
from shared.errors import Conflict, InvalidRequest, NotFound, Unavailable

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
    """Somebody who listens."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
async def stub() -> AsyncIterator[Stub]:
    async with Stub() as stub:
        yield stub


@pytest.fixture
async def hooked(start: Start) -> AsyncIterator[System]:
    """A jobs-service that may call this machine."""
    async with start(
        outbound_allow="localhost,127.0.0.1", webhook_keys=SecretStr(key("k1")), webhook_poll_seconds=0.05
    ) as system:
        await system.executor.listen()
        yield system


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


async def test_a_subscriber_is_told_and_can_check_who_tells(hooked: System, stub: Stub) -> None:
    await subscribe(hooked, stub.url, secret=SECRET, include_final_output=True)
    run_id = await run(hooked)
    (delivery,) = await settled(hooked)
    asked = stub.asked[0]
    body = json.loads(asked.body)
    assert body["type"] == asked.headers["sim-event"] == "workflow.execution.completed"
    assert body["data"]["executionId"] == run_id
    assert body["data"]["status"] == "success"
    assert body["data"]["finalOutput"] == {"answer": 42}
    assert "traceSpans" not in body["data"]
    assert body["data"]["files"] is None
    assert body["links"] == {"log": f"/api/v1/logs/{run_id}", "execution": f"/api/v1/logs/executions/{run_id}"}
    assert asked.headers["sim-delivery-id"] == asked.headers["idempotency-key"] == delivery.id
    assert asked.headers["webhook-id"] == delivery.id
    signed = f"{delivery.id}.{asked.headers['webhook-timestamp']}.".encode() + asked.body.encode()
    standard = b64encode(hmac.digest(b"k" * 24, signed, sha256)).decode()
    assert asked.headers["webhook-signature"] == f"v1,{standard}"
    stamp, _, shown = asked.headers["sim-signature"].partition(",")
    signed = f"{stamp.removeprefix('t=')}.".encode() + asked.body.encode()
    assert shown == "v1=" + hmac.digest(SECRET.encode(), signed, sha256).hex()


async def test_of_many_webhooks_that_are_made_at_once_there_are_no_more_than_may_be(hooked: System, stub: Stub) -> None:
    made = await asyncio.gather(*(subscribe(hooked, stub.url) for _ in range(14)), return_exceptions=True)
    assert [type(each) for each in made if not isinstance(each, Subscription)] == [Conflict] * 4
    listed = await hooked.gateway.client.call("GET", f"{BASE}/subscriptions", returns=Subscriptions)
    assert len(listed.subscriptions) == 10


async def test_a_subscriber_may_have_the_spans_of_the_run(hooked: System, stub: Stub) -> None:
    await subscribe(hooked, stub.url, include_trace_spans=True)
    await run(hooked, blocks=(STARTED,))
    await settled(hooked)
    data = json.loads(stub.asked[0].body)["data"]
    (root,) = data["traceSpans"]
    assert (root["name"], root["type"], root["status"]) == ("Workflow Execution", "workflow", "success")
    assert [child["name"] for child in root["children"]] == ["Start"]
    assert data["files"] == [FILE]


async def test_a_run_that_nothing_can_be_told_of_keeps_no_other_waiting(hooked: System, stub: Stub) -> None:
    await subscribe(hooked, stub.url, include_trace_spans=True)
    await run(hooked, blocks=(msgspec.structs.replace(STARTED, child_spans=({"as": "no version knows it"},)),))
    told = await run(hooked, blocks=(STARTED,))
    (delivery,) = await settled(hooked)
    assert delivery.run_id == told
    assert await hooked.stored(untold={"$exists": True}) == 0


async def test_nor_does_one_whose_worker_said_what_nobody_can_read(hooked: System, stub: Stub) -> None:
    await subscribe(hooked, stub.url, include_trace_spans=True)
    blocks = msgspec.Raw(b'[{"not": "what a block did"}]')
    spec = a_spec(mode=RunMode.SYNC)
    unreadable = RunRecorded(spec, an_outcome(), stored_blocks=Payload(inline=blocks, size=len(bytes(blocks))))
    await hooked.executor.record(unreadable)
    told = await run(hooked, blocks=(STARTED,))
    (delivery,) = await settled(hooked)
    assert delivery.run_id == told


async def test_of_large_runs_a_bounded_part_is_read_at_once_and_then_the_next(start: Start) -> None:
    async with start(webhook_poll_seconds=60.0) as system:
        await system.executor.listen()
        output = b'"' + b"x" * 1_000_000 + b'"'
        told: set[str] = set()
        ended = {await run(system, output=output, callback_url="https://example.com/") for _ in range(6)}
        notices = MongoNotices(system.store, timedelta(days=1))
        while found := await notices.ended(50):
            assert len(found) < 6
            told |= found.keys()
            await notices.announce(list(found), [])
    assert told == ended


async def test_what_a_run_gives_is_not_told_where_it_is_not_to_be_kept(hooked: System, stub: Stub) -> None:
    await subscribe(hooked, stub.url, include_final_output=True)
    await run(hooked, stores_data=False)
    await settled(hooked)
    assert json.loads(stub.asked[0].body)["data"]["finalOutput"] is None


async def test_a_caller_who_named_an_address_is_told_there(hooked: System, stub: Stub) -> None:
    secret = await hooked.gateway.client.call("GET", f"{BASE}/callback-secret", returns=CallbackSecret)
    run_id = await run(hooked, RunStatus.FAILED, callback_url=f"{stub.url}/mine")
    (delivery,) = await settled(hooked)
    assert (delivery.run_id, delivery.subscription_id) == (run_id, None)
    asked = stub.asked[0]
    body = json.loads(asked.body)
    assert (asked.target, body["data"]["status"], body["data"]["workflowName"]) == ("/mine", "error", "Order desk")
    stamp, _, shown = asked.headers["sim-signature"].partition(",")
    signed = f"{stamp.removeprefix('t=')}.".encode() + asked.body.encode()
    assert shown == "v1=" + hmac.digest(secret.secret.encode(), signed, sha256).hex()


async def test_who_subscribes_at_one_process_is_known_to_every_other_within_a_second(start: Start, stub: Stub) -> None:
    options = {"outbound_allow": "127.0.0.1", "webhook_poll_seconds": 60.0}
    async with start(**options) as one, start(**options) as other:
        await one.executor.listen()
        await asyncio.sleep(1)  # what both look up at their start, they have looked up
        await subscribe(one, stub.url)
        await asyncio.sleep(1)
        accepted = await other.gateway.accept()
        granted = await one.executor.begin()
        await other.executor.finish(accepted.run_id, granted.attempt)
        assert await other.stored(untold=True) == 1


async def test_attached_runs_are_told_of_as_well(hooked: System, stub: Stub) -> None:
    await subscribe(hooked, stub.url)
    await hooked.executor.record(RunRecorded(a_spec(mode=RunMode.SYNC, workflow_name="N"), an_outcome()))
    await settled(hooked)
    body = json.loads(stub.asked[0].body)
    assert body["data"]["workflowName"] == "N"
    assert "finalOutput" not in body["data"]


@pytest.mark.parametrize(
    "fields", [{"levels": (Level.ERROR,)}, {"workflow_ids": ("another",)}, {"triggers": ()}, {"active": False}]
)
async def test_nobody_is_told_what_he_did_not_ask_for(hooked: System, stub: Stub, fields: dict[str, Any]) -> None:
    await subscribe(hooked, stub.url, **fields)
    await run(hooked, callback_url=stub.url)
    assert [each.subscription_id for each in await settled(hooked)] == [None]


async def test_a_run_that_nobody_wants_to_hear_of_costs_nothing(hooked: System) -> None:
    await run(hooked)
    assert await hooked.stored(untold={"$exists": True}) == 0
    assert await deliveries(hooked) == ()


@pytest.mark.parametrize("status", [301, 302, 303])
async def test_an_address_that_has_moved_has_not_taken_the_event(hooked: System, stub: Stub, status: int) -> None:
    stub.answer(Answer(status, headers={"Location": f"{stub.url}/new"}), Answer(200))
    await subscribe(hooked, stub.url)
    await run(hooked)
    (delivery,) = await settled(hooked)
    assert (delivery.state, delivery.last_status, delivery.attempts) == (DeliveryState.FAILED, status, 1)
    assert [asked.method for asked in stub.asked] == ["POST"]


@pytest.mark.parametrize("status", [307, 308])
async def test_an_address_may_send_the_event_on_as_it_is(hooked: System, stub: Stub, status: int) -> None:
    stub.answer(Answer(status, headers={"Location": f"{stub.url}/new"}), Answer(200))
    await subscribe(hooked, stub.url)
    await run(hooked)
    (delivery,) = await settled(hooked)
    assert delivery.state is DeliveryState.DELIVERED
    first, second = stub.asked
    assert (second.method, second.target, second.body) == ("POST", "/new", first.body)


@pytest.mark.parametrize("status", [429, 503])
async def test_an_address_that_is_away_is_tried_again_under_the_same_id(
    hooked: System, stub: Stub, status: int
) -> None:
    began = datetime.now(UTC)
    stub.answer(Answer(status), Answer(200))
    await run(hooked, callback_url=stub.url)

    async def tried() -> bool:
        return [each.attempts for each in await deliveries(hooked)] == [1] and bool(stub.asked)

    await until(tried)

    async def noted() -> bool:
        return (await deliveries(hooked))[0].last_status == status

    await until(noted)
    (waiting,) = await deliveries(hooked)
    assert waiting.next_attempt_at is not None
    soonest, latest = began + timedelta(seconds=5), datetime.now(UTC) + timedelta(seconds=5.5)
    assert soonest <= waiting.next_attempt_at <= latest
    await hooked.collection("deliveries").update_one({"_id": waiting.id}, {"$set": {"due_ms": 0}})
    (delivery,) = await settled(hooked)
    assert (delivery.state, delivery.attempts, delivery.last_status) == (DeliveryState.DELIVERED, 2, 200)
    assert len({asked.headers["sim-delivery-id"] for asked in stub.asked}) == 1
    assert len({asked.body for asked in stub.asked}) == 1


@pytest.mark.parametrize("status", [304, 410])
async def test_an_address_that_refuses_is_not_tried_again(hooked: System, stub: Stub, status: int) -> None:
    stub.answer(Answer(status))
    await run(hooked, callback_url=stub.url)
    (delivery,) = await settled(hooked)
    assert (delivery.state, delivery.attempts, delivery.last_status) == (DeliveryState.FAILED, 1, status)
    assert delivery.workflow_id == a_spec().snapshot.workflow_id


async def test_a_delivery_can_be_sent_again(hooked: System, stub: Stub) -> None:
    stub.answer(Answer(410), Answer(200))
    await run(hooked, callback_url=stub.url)
    (failed,) = await settled(hooked)
    await hooked.gateway.client.call("POST", f"{BASE}/deliveries/{failed.id}/resend")
    await until(lambda: _is_delivered(hooked))
    assert [asked.headers["webhook-id"] for asked in stub.asked] == [failed.id, failed.id]
    with pytest.raises(NotFound):
        await hooked.gateway.client.call("POST", f"/internal/webhooks/other/deliveries/{failed.id}/resend")


async def test_the_deliveries_of_one_subscription_can_be_listed(hooked: System, stub: Stub) -> None:
    hooks = [await subscribe(hooked, f"{stub.url}/{n}") for n in range(2)]
    await run(hooked)
    await settled(hooked, 2)
    for hook in hooks:
        assert [each.url for each in await deliveries(hooked, f"?subscription_id={hook.id}")] == [hook.url]


async def _is_delivered(system: System) -> bool:
    return (await deliveries(system))[0].state is DeliveryState.DELIVERED


@pytest.mark.parametrize("url", ["https://10.0.0.1/x", "https://169.254.169.254/", "ftp://a/", "nonsense"])
async def test_addresses_inside_are_refused(hooked: System, url: str) -> None:
    with pytest.raises(InvalidRequest):
        await subscribe(hooked, url)
    await run(hooked, callback_url=url)
    (delivery,) = await settled(hooked)
    assert (delivery.state, delivery.attempts) == (DeliveryState.FAILED, 1)


async def test_a_subscription_cannot_be_moved_inside(hooked: System, stub: Stub) -> None:
    hook = await subscribe(hooked, stub.url)
    inside = SaveSubscription(url="https://10.0.0.1/x")
    with pytest.raises(InvalidRequest):
        await hooked.gateway.client.call("PUT", f"{BASE}/subscriptions/{hook.id}", body=inside)


async def test_what_fails_for_too_long_is_switched_off(hooked: System, stub: Stub) -> None:
    stub.answer(Answer(410))
    hook = await subscribe(hooked, stub.url)
    await run(hooked)
    await settled(hooked)

    async def known() -> Subscription:
        path = f"{BASE}/subscriptions/{hook.id}"
        return await hooked.gateway.client.call("GET", path, returns=Subscription)

    async def is_failing() -> bool:
        found = await known()
        return found.active and found.failing_since is not None

    await until(is_failing)
    long_ago = {"$set": {"failing_since": datetime.now(UTC) - timedelta(days=6)}}
    await hooked.collection("subscriptions").update_one({"_id": hook.id}, long_ago)
    await run(hooked)

    async def is_off() -> bool:
        return not (await known()).active

    await until(is_off)


async def test_secrets_are_sealed_and_never_shown(hooked: System, stub: Stub) -> None:
    hook = await subscribe(hooked, stub.url, secret=SECRET)
    assert hook.has_secret
    document = await hooked.collection("subscriptions").find_one({"_id": hook.id})
    assert SECRET not in str(document)
    body = SaveSubscription(url=stub.url, include_trace_spans=True)
    path = f"{BASE}/subscriptions/{hook.id}"
    kept = await hooked.gateway.client.call("PUT", path, body=body, returns=Subscription)
    assert (kept.has_secret, kept.include_trace_spans) == (True, True)
    body = SaveSubscription(url=stub.url, secret=None)
    assert not (await hooked.gateway.client.call("PUT", path, body=body, returns=Subscription)).has_secret


async def test_without_keys_no_secret_is_taken(system: System) -> None:
    with pytest.raises(Unavailable, match="FLOWPORT_WEBHOOK_KEYS"):
        await subscribe(system, "https://example.com/", secret=SECRET)


async def test_keys_rotate_and_everybody_is_told_under_the_same_secret(start: Start, stub: Stub) -> None:
    keys = [key("old"), f"{key('old')},{key('new')}", f"{key('new')},{key('old')}", key("new")]
    secrets = set()
    for step, ring in enumerate(keys):
        options = {"webhook_keys": SecretStr(ring), "webhook_poll_seconds": 0.05, "outbound_allow": "127.0.0.1"}
        async with start(**options) as system:
            await system.executor.listen()
            if step == 0:
                await subscribe(system, stub.url, secret=SECRET)
                await subscribe(system, stub.url, levels=(Level.ERROR,))
            answer = await system.gateway.client.call("GET", f"{BASE}/callback-secret", returns=CallbackSecret)
            secrets.add(answer.secret)
            await run(system)
            await settled(system, step + 1)
    assert len(secrets) == 1
    assert len(stub.asked) == len(keys)
    for asked in stub.asked:
        signed = f"{asked.headers['sim-timestamp']}.".encode() + asked.body.encode()
        expected = hmac.digest(SECRET.encode(), signed, sha256).hex()
        assert asked.headers["sim-signature"] == f"t={asked.headers['sim-timestamp']},v1={expected}"


async def test_where_the_key_of_a_secret_is_gone_nothing_is_sent_and_it_is_said_why(start: Start, stub: Stub) -> None:
    options = {"webhook_poll_seconds": 0.05, "outbound_allow": "127.0.0.1"}
    async with start(webhook_keys=SecretStr(key("old")), **options) as system:
        hook = await subscribe(system, stub.url, secret=SECRET)
    async with start(webhook_keys=SecretStr(key("new")), **options) as system:
        await system.executor.listen()
        await run(system)

        async def is_failing() -> bool:
            path = f"{BASE}/subscriptions/{hook.id}"
            found = await system.gateway.client.call("GET", path, returns=Subscription)
            return found.failing_since is not None

        await until(is_failing)
        (delivery,) = await deliveries(system)
    assert (delivery.state, delivery.last_status) == (DeliveryState.PENDING, None)
    assert delivery.last_error is not None
    assert "FLOWPORT_WEBHOOK_KEYS" in delivery.last_error
    assert "old" in delivery.last_error
    assert stub.asked == []


async def test_a_subscription_can_be_tried_out_and_deleted(hooked: System, stub: Stub) -> None:
    stub.answer(Answer(202, '"ok"'))
    hook = await subscribe(hooked, stub.url)
    path = f"{BASE}/subscriptions/{hook.id}"
    result = await hooked.gateway.client.call("POST", f"{path}/test", returns=TestResult)
    assert (result.success, result.status, result.body) == (True, 202, '"ok"')
    with pytest.raises(NotFound):
        await hooked.gateway.client.call("DELETE", f"/internal/webhooks/other/subscriptions/{hook.id}")
    await hooked.gateway.client.call("DELETE", path)
    with pytest.raises(NotFound):
        await hooked.gateway.client.call("GET", path, returns=Subscription)
    with pytest.raises(NotFound):
        await hooked.gateway.client.call("DELETE", path)


async def test_what_is_deleted_is_told_nothing_more(hooked: System, stub: Stub) -> None:
    stub.answer(Answer(503))
    hook = await subscribe(hooked, stub.url, secret=SECRET)
    await run(hooked)

    async def is_to_be_tried_again() -> bool:
        return [each.last_status for each in await deliveries(hooked)] == [503]

    await until(is_to_be_tried_again)
    await hooked.gateway.client.call("DELETE", f"{BASE}/subscriptions/{hook.id}")
    (waiting,) = await deliveries(hooked)
    await hooked.gateway.client.call("POST", f"{BASE}/deliveries/{waiting.id}/resend")

    (delivery,) = await settled(hooked)
    assert (delivery.state, delivery.last_error) == (DeliveryState.FAILED, "Not sent: the webhook was deleted")
    assert len(stub.asked) == 1


async def test_a_workspace_has_a_bounded_number(hooked: System, stub: Stub) -> None:
    for _ in range(10):
        await subscribe(hooked, stub.url)
    with pytest.raises(Conflict):
        await subscribe(hooked, stub.url)


def test_the_schedule_is_the_documented_one() -> None:
    assert [wait.total_seconds() for wait in RETRIES] == [5, 15, 60, 180, 600]
    for attempts, wait in enumerate(RETRIES, 1):
        waited = wait_before(attempts)
        assert waited is not None
        assert wait <= waited <= wait * 1.1
    assert wait_before(len(RETRIES) + 1) is None
