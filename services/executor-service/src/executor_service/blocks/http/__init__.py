"""Calls an HTTP endpoint."""

from executor_service.blocks.http.request import read_request
from executor_service.blocks.http.response import failure_of, message, output_of
from executor_service.blocks.http.retries import RetryPolicy, send_with_retries
from executor_service.engine import BlockFailure, BlockHandler, BlockResult, Call, Inputs
from shared.net import BlockedAddress, OutboundClient, OutboundError, OutboundRequest
from shared.workflow.format.js_values import JsonObject, to_string

__all__ = ["ApiHandler", "call_endpoint"]


class ApiHandler(BlockHandler):
    """Any method, any body; an unsuccessful response fails the block."""

    def __init__(self, outbound: OutboundClient) -> None:
        self._outbound = outbound

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        """Make the call. A blank URL makes none."""
        params = inputs.params
        if not to_string(params.get("url") or "").strip():
            return BlockResult({"data": None, "status": 200, "headers": {}})
        request = read_request(call, params)
        return BlockResult(await call_endpoint(self._outbound, request, RetryPolicy.of(params, request.method)))


async def call_endpoint(outbound: OutboundClient, request: OutboundRequest, plan: RetryPolicy) -> JsonObject:
    """Return the output of a successful call. Raises BlockFailure."""
    try:
        response = await send_with_retries(outbound, request, plan)
    except BlockedAddress as refusal:
        raise BlockFailure(refusal.message, can_retry=False) from refusal
    except OutboundError as failure:
        raise BlockFailure(message(request, f"Error: {failure.message}")) from failure
    if not 200 <= response.status < 300:
        raise BlockFailure(failure_of(request, response))
    return output_of(response)
