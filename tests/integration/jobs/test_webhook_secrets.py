"""Webhook signing secrets are sealed, and survive a rotation of keys."""

import hmac
from hashlib import sha256

import pytest
from pydantic import SecretStr
from tests.integration.jobs.conftest import Start
from tests.support.deploy import key
from tests.support.eventually import until
from tests.support.jobs.system import System
from tests.support.jobs.webhooks import BASE, SECRET, Stub, deliveries, run, settled, subscribe

from shared.contracts.webhooks import (
    CallbackSecret,
    DeliveryState,
    Level,
    SaveSubscription,
    Subscription,
)
from shared.errors import Unavailable


async def test_secrets_are_sealed_and_never_shown(hooked: System, stub: Stub) -> None:
    hook = await subscribe(hooked, stub.url, secret=SECRET)
    assert hook.has_secret
    document = await hooked.collection("subscriptions").find_one({"_id": hook.id})
    assert SECRET not in str(document)
    body = SaveSubscription(url=stub.url, include_trace_spans=True)
    path = f"{BASE}/subscriptions/{hook.id}"
    subscription = await hooked.gateway.client.call("PUT", path, body=body, returns=Subscription)
    assert (subscription.has_secret, subscription.include_trace_spans) == (True, True)
    body = SaveSubscription(url=stub.url, secret=None)
    assert not (await hooked.gateway.client.call("PUT", path, body=body, returns=Subscription)).has_secret


async def test_without_keys_no_secret_is_taken(system: System) -> None:
    with pytest.raises(Unavailable, match="FLOWPORT_WEBHOOK_KEYS"):
        await subscribe(system, "https://example.com/", secret=SECRET)


async def test_subscribers_are_notified_under_the_same_secret_after_a_key_rotation(start: Start, stub: Stub) -> None:
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
    assert len(stub.requests) == len(keys)
    for request in stub.requests:
        signed = f"{request.headers['sim-timestamp']}.".encode() + request.body.encode()
        expected = hmac.digest(SECRET.encode(), signed, sha256).hex()
        assert request.headers["sim-signature"] == f"t={request.headers['sim-timestamp']},v1={expected}"


async def test_a_secret_with_a_lost_key_stops_delivery_with_a_reason(start: Start, stub: Stub) -> None:
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
    assert stub.requests == []
