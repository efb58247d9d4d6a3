"""Addresses of webhooks: which failures are retried, when delivery ends, and which addresses are refused."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.support.eventually import until
from tests.support.http_stub import Answer
from tests.support.jobs.system import System, a_spec
from tests.support.jobs.webhooks import BASE, Stub, deliveries, run, settled, subscribe

from jobs_service.webhooks.rules import RETRIES, retry_delay
from shared.contracts.webhooks import (
    DeliveryState,
    SaveSubscription,
    Subscription,
)
from shared.errors import InvalidRequest, NotFound


@pytest.mark.parametrize("status", [301, 302, 303])
async def test_an_address_that_has_moved_has_not_taken_the_event(hooked: System, stub: Stub, status: int) -> None:
    stub.answer(Answer(status, headers={"Location": f"{stub.url}/new"}), Answer(200))
    await subscribe(hooked, stub.url)
    await run(hooked)
    (delivery,) = await settled(hooked)
    assert (delivery.state, delivery.last_status, delivery.attempts) == (DeliveryState.FAILED, status, 1)
    assert [request.method for request in stub.requests] == ["POST"]


@pytest.mark.parametrize("status", [307, 308])
async def test_an_address_may_send_the_event_on_as_it_is(hooked: System, stub: Stub, status: int) -> None:
    stub.answer(Answer(status, headers={"Location": f"{stub.url}/new"}), Answer(200))
    await subscribe(hooked, stub.url)
    await run(hooked)
    (delivery,) = await settled(hooked)
    assert delivery.state is DeliveryState.DELIVERED
    first, second = stub.requests
    assert (second.method, second.target, second.body) == ("POST", "/new", first.body)


@pytest.mark.parametrize("status", [429, 503])
async def test_an_unavailable_address_is_retried_under_the_same_id(hooked: System, stub: Stub, status: int) -> None:
    began = datetime.now(UTC)
    stub.answer(Answer(status), Answer(200))
    await run(hooked, callback_url=stub.url)

    async def tried() -> bool:
        return [each.attempts for each in await deliveries(hooked)] == [1] and bool(stub.requests)

    await until(tried)

    async def record_result() -> bool:
        return (await deliveries(hooked))[0].last_status == status

    await until(record_result)
    (waiting,) = await deliveries(hooked)
    assert waiting.next_attempt_at is not None
    assert abs(waiting.next_attempt_at - began) < timedelta(minutes=1)
    await hooked.collection("deliveries").update_one({"_id": waiting.id}, {"$set": {"due_ms": 0}})
    (delivery,) = await settled(hooked)
    assert (delivery.state, delivery.attempts, delivery.last_status) == (DeliveryState.DELIVERED, 2, 200)
    assert len({request.headers["sim-delivery-id"] for request in stub.requests}) == 1
    assert len({request.body for request in stub.requests}) == 1


@pytest.mark.parametrize("status", [304, 410])
async def test_an_address_that_refuses_is_not_retried(hooked: System, stub: Stub, status: int) -> None:
    stub.answer(Answer(status))
    await run(hooked, callback_url=stub.url)
    (delivery,) = await settled(hooked)
    assert (delivery.state, delivery.attempts, delivery.last_status) == (DeliveryState.FAILED, 1, status)
    assert delivery.workflow_id == a_spec().snapshot.workflow_id


async def test_a_delivery_can_be_resent(hooked: System, stub: Stub) -> None:
    stub.answer(Answer(410), Answer(200))
    await run(hooked, callback_url=stub.url)
    (failed,) = await settled(hooked)
    await hooked.gateway.client.call("POST", f"{BASE}/deliveries/{failed.id}/resend")
    await until(lambda: _is_delivered(hooked))
    assert [request.headers["webhook-id"] for request in stub.requests] == [failed.id, failed.id]
    with pytest.raises(NotFound):
        await hooked.gateway.client.call("POST", f"/internal/webhooks/other/deliveries/{failed.id}/resend")


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


async def test_a_webhook_that_fails_for_too_long_is_disabled(hooked: System, stub: Stub) -> None:
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


def test_the_schedule_is_the_documented_one() -> None:
    assert [wait.total_seconds() for wait in RETRIES] == [5, 15, 60, 180, 600]
    for attempts, wait in enumerate(RETRIES, 1):
        waited = retry_delay(attempts)
        assert waited is not None
        assert wait <= waited <= wait * 1.1
    assert retry_delay(len(RETRIES) + 1) is None
