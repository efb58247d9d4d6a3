"""Execute calls with an idempotency key: each runs once, and every repetition gets the first answer."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from gateway.access.credentials import Caller
from gateway.access.models import AccessEnded
from gateway.idempotency.store import (
    REPLAYED,
    CallName,
    CallRecord,
    Idempotency,
    OutcomeUnknown,
    ResponseNotStored,
    StoredAnswer,
    fingerprint,
    key_in,
)
from gateway.runs.errors import IdentityUnavailable, RunLost, RunOverdue
from gateway.runs.requests import ExecuteRequest
from gateway.runs.stream_access import never
from gateway.streams.sse_frames import RecordedStream
from gateway.web.errors import Present
from shared.contracts.deployments import Endpoint
from shared.errors import FlowportError, RunIdTaken, Unavailable
from shared.ids import new_run_id, public_run_id

Serve = Callable[[Request, ExecuteRequest], Awaitable[Response]]
"""Serves an execute call."""


ACCEPTED: Final = 202


_NOT_KEPT: Final = frozenset({"content-length"})


class IdempotentCalls:
    """Service for calls with a key. Such a run continues after a disconnect: the caller may reconnect."""

    def __init__(self, idempotency: Idempotency, present: Present) -> None:
        self._idempotency = idempotency
        self._present = present

    async def answer(
        self,
        request: Request,
        run_request: ExecuteRequest,
        serve: Serve,
        *,
        headers: Mapping[str, str],
        caller: Caller,
        endpoint: Endpoint,
    ) -> Response:
        """Return the answer of `serve`, or the stored one.

        Raises IdempotencyKeyReused, IdempotencyKeyInUse, OutcomeUnknown, Unavailable, and what `serve` raises.
        """
        key = key_in(headers)
        if key is None:
            return await serve(request, run_request)
        name = CallName(endpoint.workspace_id, endpoint.workflow_id, caller.is_public, key)
        request_hash = fingerprint(request.scope["route"].path, run_request)
        begun = await self._idempotency.begin(name, request_hash, run_request.run_id or new_run_id())
        if isinstance(begun, StoredAnswer):
            body = await self._idempotency.body_of(name, begun)
            return Response(body, begun.status, {**begun.headers, REPLAYED: "true"})
        named_request = msgspec.structs.replace(run_request, run_id=begun.run_id, may_have_begun=begun.is_retry)
        response = await self._served(Request(request.scope, never), named_request, begun, serve)
        kept = response
        if not endpoint.stores_data and response.status_code != ACCEPTED:
            kept = self._present(request, ResponseNotStored(public_run_id(begun.run_id)))
        if kept is response and isinstance(response, RecordedStream):
            response.record_end(_AnswerRecorder(self._idempotency, begun, response))
        else:
            await _store_answer(self._idempotency, begun, kept, bytes(kept.body))
        return response

    async def _served(
        self, request: Request, run_request: ExecuteRequest, record: CallRecord, serve: Serve
    ) -> Response:
        try:
            return await serve(request, run_request)
        except (RunLost, RunOverdue, AccessEnded) as error:
            return self._present(request, error)  # the run may have begun: this is its answer
        except RunIdTaken:
            if record.is_retry:
                await self._idempotency.release(record)
                raise OutcomeUnknown(record.run_id) from None
            await self._idempotency.forget(record)
            raise
        except FlowportError as error:
            if _may_exist(run_request, record, error):
                await self._idempotency.release(record)  # a repetition must find the run, not start another
            else:
                await self._idempotency.forget(record)
            raise
        except BaseException:
            self._idempotency.abandon(record)
            raise


def _may_exist(run_request: ExecuteRequest, record: CallRecord, error: FlowportError) -> bool:
    """Return whether a run with this id may exist after this failure, started by this call or an earlier one."""
    if run_request.is_durable:
        return record.is_retry or isinstance(error, Unavailable)
    return record.is_retry and isinstance(error, IdentityUnavailable)


class _AnswerRecorder:
    """Implements EndRecorder."""

    def __init__(self, idempotency: Idempotency, record: CallRecord, response: Response) -> None:
        self._idempotency = idempotency
        self._record = record
        self._response = response

    async def ended(self, frames: bytes) -> None:
        await _store_answer(self._idempotency, self._record, self._response, frames)

    async def not_started(self) -> None:
        await self._idempotency.forget(self._record)

    def lost(self) -> None:
        self._idempotency.abandon(self._record)


async def _store_answer(idempotency: Idempotency, record: CallRecord, response: Response, body: bytes) -> None:
    headers = {name: value for name, value in response.headers.items() if name not in _NOT_KEPT}
    await idempotency.store_answer(record, response.status_code, headers, body)
