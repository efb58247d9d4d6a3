"""Subscribers are notified of the end of a run, with a signature, under one id, a bounded number of times."""

import asyncio
import hmac
import json
from base64 import b64encode
from datetime import timedelta
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from tests.integration.jobs.conftest import Start
from tests.support.eventually import until
from tests.support.http_stub import Answer
from tests.support.jobs.system import System, a_spec, an_outcome
from tests.support.jobs.webhooks import BASE, FILE, SECRET, STARTED, Stub, deliveries, run, settled, subscribe

from jobs_service.webhooks.repository import MongoDeliveries
from shared.contracts.messages import RunRecorded
from shared.contracts.payloads import Payload
from shared.contracts.recording_policy import ReplayRun
from shared.contracts.runs import RunMode, RunStatus
from shared.contracts.webhooks import (
    CallbackSecret,
    DeliveryState,
    Level,
    Subscription,
    Subscriptions,
    TestResult,
)
from shared.errors import Conflict, NotFound


async def test_a_subscriber_is_notified_and_can_verify_the_sender(hooked: System, stub: Stub) -> None:
    await subscribe(hooked, stub.url, secret=SECRET, include_final_output=True)
    run_id = await run(hooked)
    (delivery,) = await settled(hooked)
    request = stub.requests[0]
    body = json.loads(request.body)
    assert body["type"] == request.headers["sim-event"] == "workflow.execution.completed"
    assert body["data"]["executionId"] == run_id
    assert body["data"]["status"] == "success"
    assert body["data"]["finalOutput"] == {"answer": 42}
    assert "traceSpans" not in body["data"]
    assert body["data"]["files"] is None
    assert body["links"] == {"log": f"/api/v1/logs/{run_id}", "execution": f"/api/v1/logs/executions/{run_id}"}
    assert request.headers["sim-delivery-id"] == request.headers["idempotency-key"] == delivery.id
    assert request.headers["webhook-id"] == delivery.id
    signed = f"{delivery.id}.{request.headers['webhook-timestamp']}.".encode() + request.body.encode()
    standard = b64encode(hmac.digest(b"k" * 24, signed, sha256)).decode()
    assert request.headers["webhook-signature"] == f"v1,{standard}"
    stamp, _, shown = request.headers["sim-signature"].partition(",")
    signed = f"{stamp.removeprefix('t=')}.".encode() + request.body.encode()
    assert shown == "v1=" + hmac.digest(SECRET.encode(), signed, sha256).hex()


async def test_concurrently_created_webhooks_do_not_exceed_the_limit(hooked: System, stub: Stub) -> None:
    made = await asyncio.gather(*(subscribe(hooked, stub.url) for _ in range(14)), return_exceptions=True)
    assert [type(each) for each in made if not isinstance(each, Subscription)] == [Conflict] * 4
    listed = await hooked.gateway.client.call("GET", f"{BASE}/subscriptions", returns=Subscriptions)
    assert len(listed.subscriptions) == 10


async def test_a_subscriber_may_have_the_spans_of_the_run(hooked: System, stub: Stub) -> None:
    await subscribe(hooked, stub.url, include_trace_spans=True)
    await run(hooked, blocks=(STARTED,))
    await settled(hooked)
    data = json.loads(stub.requests[0].body)["data"]
    (root,) = data["traceSpans"]
    assert (root["name"], root["type"], root["status"]) == ("Workflow Execution", "workflow", "success")
    assert [child["name"] for child in root["children"]] == ["Start"]
    assert data["files"] == [FILE]


async def test_an_unreportable_run_delays_no_other(hooked: System, stub: Stub) -> None:
    await subscribe(hooked, stub.url, include_trace_spans=True)
    await run(hooked, blocks=(msgspec.structs.replace(STARTED, child_spans=({"as": "no version knows it"},)),))
    run_id = await run(hooked, blocks=(STARTED,))
    (delivery,) = await settled(hooked)
    assert delivery.run_id == run_id
    assert await hooked.stored(untold={"$exists": True}) == 0


async def test_an_unreadable_report_of_a_worker_delays_no_other(hooked: System, stub: Stub) -> None:
    await subscribe(hooked, stub.url, include_trace_spans=True)
    blocks = msgspec.Raw(b'[{"not": "what a block did"}]')
    spec = a_spec(mode=RunMode.SYNC)
    unreadable = RunRecorded(spec, an_outcome(), stored_blocks=Payload(inline=blocks, size=len(bytes(blocks))))
    await hooked.executor.record(unreadable)
    run_id = await run(hooked, blocks=(STARTED,))
    (delivery,) = await settled(hooked)
    assert delivery.run_id == run_id


async def test_large_runs_are_read_in_bounded_batches(start: Start) -> None:
    async with start(webhook_poll_seconds=60.0) as system:
        await system.executor.listen()
        output = b'"' + b"x" * 1_000_000 + b'"'
        notified: set[str] = set()
        ended = {await run(system, output=output, callback_url="https://example.com/") for _ in range(6)}
        notices = MongoDeliveries(system.store, timedelta(days=1))
        while found := await notices.ended(50):
            assert len(found) < 6
            notified |= found.keys()
            await notices.save_deliveries(list(found), [])
    assert notified == ended


async def test_the_output_is_not_sent_if_it_must_not_be_stored(hooked: System, stub: Stub) -> None:
    await subscribe(hooked, stub.url, include_final_output=True)
    await run(hooked, stores_data=False)
    await settled(hooked)
    assert json.loads(stub.requests[0].body)["data"]["finalOutput"] is None


async def test_a_callers_address_is_notified(hooked: System, stub: Stub) -> None:
    secret = await hooked.gateway.client.call("GET", f"{BASE}/callback-secret", returns=CallbackSecret)
    run_id = await run(hooked, RunStatus.FAILED, callback_url=f"{stub.url}/mine")
    (delivery,) = await settled(hooked)
    assert (delivery.run_id, delivery.subscription_id) == (run_id, None)
    request = stub.requests[0]
    body = json.loads(request.body)
    assert (request.target, body["data"]["status"], body["data"]["workflowName"]) == ("/mine", "error", "Order desk")
    stamp, _, shown = request.headers["sim-signature"].partition(",")
    signed = f"{stamp.removeprefix('t=')}.".encode() + request.body.encode()
    assert shown == "v1=" + hmac.digest(secret.secret.encode(), signed, sha256).hex()


async def test_a_subscription_is_known_to_every_process_within_a_second(start: Start, stub: Stub) -> None:
    options = {"outbound_allow": "127.0.0.1", "webhook_poll_seconds": 60.0}
    async with start(**options) as one, start(**options) as other:
        await one.executor.listen()
        await asyncio.sleep(1)  # both have finished the look-ups of their start
        await subscribe(one, stub.url)
        await asyncio.sleep(1)
        accepted = await other.gateway.accept()
        granted = await one.executor.begin()
        await other.executor.finish(accepted.run_id, granted.attempt)
        assert await other.stored(untold=True) == 1


async def test_ends_of_attached_runs_are_delivered(hooked: System, stub: Stub) -> None:
    await subscribe(hooked, stub.url)
    await hooked.executor.record(RunRecorded(a_spec(mode=RunMode.SYNC, workflow_name="N"), an_outcome()))
    await settled(hooked)
    body = json.loads(stub.requests[0].body)
    assert body["data"]["workflowName"] == "N"
    assert "finalOutput" not in body["data"]


@pytest.mark.parametrize(
    "fields", [{"levels": (Level.ERROR,)}, {"workflow_ids": ("another",)}, {"triggers": ()}, {"active": False}]
)
async def test_subscribers_receive_only_subscribed_events(hooked: System, stub: Stub, fields: dict[str, Any]) -> None:
    await subscribe(hooked, stub.url, **fields)
    await run(hooked, callback_url=stub.url)
    assert [each.subscription_id for each in await settled(hooked)] == [None]


async def test_a_run_without_subscribers_costs_nothing(hooked: System) -> None:
    await run(hooked)
    assert await hooked.stored(untold={"$exists": True}) == 0
    assert await deliveries(hooked) == ()


async def test_the_deliveries_of_one_subscription_can_be_listed(hooked: System, stub: Stub) -> None:
    hooks = [await subscribe(hooked, f"{stub.url}/{n}") for n in range(2)]
    await run(hooked)
    await settled(hooked, 2)
    for hook in hooks:
        assert [each.url for each in await deliveries(hooked, f"?subscription_id={hook.id}")] == [hook.url]


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


async def test_deleted_subscriptions_receive_nothing(hooked: System, stub: Stub) -> None:
    stub.answer(Answer(503))
    hook = await subscribe(hooked, stub.url, secret=SECRET)
    await run(hooked)

    async def is_retried() -> bool:
        return [each.last_status for each in await deliveries(hooked)] == [503]

    await until(is_retried)
    await hooked.gateway.client.call("DELETE", f"{BASE}/subscriptions/{hook.id}")
    (waiting,) = await deliveries(hooked)
    await hooked.gateway.client.call("POST", f"{BASE}/deliveries/{waiting.id}/resend")

    (delivery,) = await settled(hooked)
    assert (delivery.state, delivery.last_error) == (DeliveryState.FAILED, f"Not sent: webhook {hook.id} was deleted")
    assert len(stub.requests) == 1


async def test_a_workspace_has_a_bounded_number(hooked: System, stub: Stub) -> None:
    for _ in range(10):
        await subscribe(hooked, stub.url)
    with pytest.raises(Conflict):
        await subscribe(hooked, stub.url)


async def test_a_replay_of_a_recorded_run_sends_no_webhook(hooked: System, stub: Stub) -> None:
    await subscribe(hooked, stub.url)
    replayed = a_spec(replay=ReplayRun("R1"))
    for spec in (replayed, a_spec()):
        await hooked.gateway.accept(spec)
        granted = await hooked.executor.begin()
        await hooked.executor.finish(granted.run.run_id, granted.attempt, an_outcome())
    await settled(hooked)
    assert [json.loads(each.body)["data"]["executionId"] for each in stub.requests] == [spec.run_id]
