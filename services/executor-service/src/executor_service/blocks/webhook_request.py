"""Sends a signed POST request."""

import hashlib
import hmac
import uuid
from dataclasses import replace
from typing import Final

from executor_service.blocks.http import RetryPolicy, call_endpoint, read_request
from executor_service.engine import BlockHandler, BlockResult, Call, Inputs
from shared.net import OutboundClient
from shared.workflow.format.js_values import JsonObject, to_string

ONCE: Final = RetryPolicy(0, 0, 0)


class WebhookHandler(BlockHandler):
    """The delivery id is the same for all attempts, so that a receiver can detect repetitions."""

    def __init__(self, outbound: OutboundClient) -> None:
        self._outbound = outbound

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        """Send it once."""
        params: JsonObject = {**inputs.params, "method": "POST"}
        request = read_request(call, params)
        body = request.body or b""
        timestamp = str(int(call.now().timestamp() * 1000))
        delivery = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{call.request.run_id}/{call.execution_path}"))
        headers = {
            **request.headers,
            "Content-Type": "application/json",
            "X-Webhook-Timestamp": timestamp,
            "X-Delivery-ID": delivery,
            "Idempotency-Key": delivery,
        }
        if secret := to_string(params.get("secret") or ""):
            headers["X-Webhook-Signature"] = f"t={timestamp},v1={signature(secret, timestamp, body)}"
        signed = replace(request, headers=headers)
        return BlockResult(await call_endpoint(self._outbound, signed, ONCE))


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return HMAC-SHA256 of `timestamp.body` in hexadecimal."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
