"""A webhook block sends one signed event."""

import hashlib
import hmac
import json
from typing import Any

from tests.support.blocks.http_calls import table
from tests.support.blocks.runs import INPUT, engine_of, failure, run, run_block
from tests.support.http_stub import Answer, HttpStub
from tests.support.workflow_states import block, chain

from executor_service.blocks.webhook_request import WebhookHandler
from shared.net import OutboundClient
from shared.workflow.format.js_values import Json


async def test_a_webhook_is_signed_and_named(stub: HttpStub, outbound: OutboundClient) -> None:
    settings = {"url": f"http://localhost:{stub.port}/hook", "body": '{"a": 1}', "secret": "s3cret"}
    for _ in range(2):
        await run_block("webhook_request", WebhookHandler(outbound), None, **settings)
    first, second = stub.requests
    timestamp = first.headers["x-webhook-timestamp"]
    expected = hmac.new(b"s3cret", f'{timestamp}.{{"a":1}}'.encode(), hashlib.sha256).hexdigest()
    assert first.headers["x-webhook-signature"] == f"t={timestamp},v1={expected}"
    assert first.method == "POST"
    assert json.loads(first.body) == {"a": 1}
    assert first.headers["x-delivery-id"] == first.headers["idempotency-key"] == second.headers["x-delivery-id"]


async def test_values_in_a_webhooks_payload_are_written_as_json_too(stub: HttpStub, outbound: OutboundClient) -> None:
    settings = {"url": f"http://localhost:{stub.port}/hook", "body": '{"a": "<start.input>"}', "escapeValues": True}
    await run_block("webhook_request", WebhookHandler(outbound), {"input": 'say "hi"'}, **settings)
    assert json.loads(stub.requests[0].body) == {"a": 'say "hi"'}


async def test_a_webhook_is_a_post_of_json_and_is_sent_once(stub: HttpStub, outbound: OutboundClient) -> None:
    stub.answer(Answer(500, "{}"))
    again: dict[str, Any] = {"method": "GET", "retries": 3, "retryNonIdempotent": True, "retryDelayMs": 0}
    settings = {
        "url": f"http://localhost:{stub.port}/hook",
        "headers": table(**{"Content-Type": "text/plain"}),
        **again,
    }
    failure(await run_block("webhook_request", WebhookHandler(outbound), None, **settings))
    (asked,) = stub.requests
    assert (asked.method, asked.headers["content-type"]) == ("POST", "application/json")


async def test_each_block_of_each_run_sends_a_separate_webhook(stub: HttpStub, outbound: OutboundClient) -> None:
    settings: dict[str, Json] = {"url": f"http://localhost:{stub.port}/hook"}
    document = chain(INPUT, *(block(name, "webhook_request", name, settings=settings) for name in ("a", "b")))
    for run_id in ("run-1", "run-2"):
        await run(document, engine_of({"webhook_request": WebhookHandler(outbound)}), run_id=run_id)
    assert len({asked.headers["x-delivery-id"] for asked in stub.requests}) == len(stub.requests) == 4


async def test_a_webhook_without_a_secret_is_not_signed(stub: HttpStub, outbound: OutboundClient) -> None:
    await run_block("webhook_request", WebhookHandler(outbound), None, url=f"http://localhost:{stub.port}/hook")
    assert "x-webhook-signature" not in stub.requests[0].headers
