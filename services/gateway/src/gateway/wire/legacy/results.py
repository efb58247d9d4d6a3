"""Results of finished runs for synchronous callers."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from starlette.responses import Response

from gateway.http.run_status import failure_status
from gateway.runs.domain.response_block import http_answer
from shared.clock import iso
from shared.contracts.outcomes import RunOutcome
from shared.contracts.runs import RunStatus
from shared.web.structs import StructResponse

RESPONSE_BLOCK_BYTES: Final = 16 * 1024 * 1024


class _Times(msgspec.Struct, rename="camel"):
    duration: int
    start_time: str
    end_time: str


class _Ended(msgspec.Struct, rename="camel"):
    success: bool
    execution_id: str
    output: msgspec.Raw
    metadata: _Times


class _Failed(msgspec.Struct, rename="camel"):
    success: bool
    output: msgspec.Raw
    error: str
    metadata: _Times


def sync_response(run_id: str, outcome: RunOutcome, output: bytes) -> Response:
    """Return the response to a finished sync call; a Response block defines its own."""
    headers = {"x-execution-id": run_id}
    if outcome.status is RunStatus.FAILED:
        return _failure(outcome, output, headers)
    if outcome.is_response and outcome.status is RunStatus.COMPLETED:
        return _response_block(output, headers)
    succeeded = outcome.status is not RunStatus.CANCELLED
    body: Any = _Ended(succeeded, run_id, msgspec.Raw(output), _times(outcome))
    return StructResponse(body, headers=headers)


def _failure(outcome: RunOutcome, output: bytes, headers: Mapping[str, str]) -> Response:
    text = "Execution failed" if outcome.error is None else outcome.error.text
    body = _Failed(False, msgspec.Raw(output), text, _times(outcome))
    return StructResponse(body, status_code=failure_status(outcome.error), headers=headers)


def _response_block(output: bytes, headers: Mapping[str, str]) -> Response:
    if len(output) > RESPONSE_BLOCK_BYTES:
        body = {"success": False, "error": "Workflow execution response exceeds maximum size"}
        return StructResponse(body, status_code=500, headers=headers)
    answer = http_answer(output)
    return Response(answer.body, status_code=answer.status, headers={**answer.headers, **headers})


def _times(outcome: RunOutcome) -> _Times:
    return _Times(round(outcome.duration_ms), iso(outcome.started_at), iso(outcome.ended_at))
