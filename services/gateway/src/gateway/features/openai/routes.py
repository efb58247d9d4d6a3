"""`POST /v1/chat/completions`."""

from typing import Any

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.access.domain.rate_limits import RateKind
from gateway.features.openai.errors import failed_run, present_execute_error
from gateway.features.openai.models import (
    Choice,
    Completion,
    CompletionBody,
    ErrorAnswer,
    ReplyMessage,
)
from gateway.features.openai.replies import CompletionWriter, reply_text, token_usage
from gateway.features.openai.unsupported_parameters import refuse_what_is_not_kept
from gateway.http.bodies import json_value, validated
from gateway.http.routes import headers_of, plain
from gateway.http.schemas import answers, described
from gateway.run_endpoints.services import EndpointServices
from gateway.runs.domain.call_chain import call_chain
from gateway.runs.domain.execute_request import ExecuteRequest
from gateway.workflows.application.interfaces import Interfaces
from shared.clock import Clock
from shared.contracts.runs import RunMode, RunStatus
from shared.web.structs import StructResponse


class CompletionsEndpoint:
    """Endpoint for OpenAI's clients. Access and rate limits are as everywhere."""

    def __init__(self, reception: EndpointServices, interfaces: Interfaces, clock: Clock) -> None:
        self._reception = reception
        self._interfaces = interfaces
        self._clock = clock

    async def complete(self, request: Request) -> Response:
        """Continue a conversation."""
        self._reception.admit(request)
        headers = headers_of(request)
        chain = call_chain(headers)
        known = await self._reception.authentication.caller(headers)
        if known is not None:
            self._reception.limiting.show(request, known, RateKind.SYNC)
        asked_for = json_value(await request.body())
        body = validated(CompletionBody, asked_for)
        refuse_what_is_not_kept(asked_for)
        caller = known or await self._reception.public_caller(request, body.model)
        caller, endpoint = await self._reception.executions.authorize(caller, body.model)
        self._reception.limiting.show(request, caller, RateKind.SYNC)
        self._reception.admit_to(request, endpoint.workspace_id)
        asked = ExecuteRequest(
            mode=RunMode.STREAM if body.stream else RunMode.SYNC,
            input=msgspec.json.encode(body.workflow_input()),
            selected_outputs=await self._selection(body),
            call_chain=chain,
        )
        run = await self._reception.executions.attach(caller, endpoint, asked)
        completion_id, created = f"chatcmpl-{run.run_id}", int(self._clock.now().timestamp())
        named = {"x-execution-id": run.run_id}
        standing = self._reception.access.of(caller, endpoint.workflow_id)
        if body.stream:
            writer = CompletionWriter(completion_id, body.model, created, include_usage=body.wants_usage)
            return self._reception.attached.written(run, writer, endpoint, standing, headers=named)
        outcome, output = await self._reception.attached.result(request, run, endpoint.workspace_id, standing)
        if outcome.status in (RunStatus.FAILED, RunStatus.CANCELLED):
            return failed_run(outcome, named)
        answer = Completion(
            id=completion_id,
            created=created,
            model=body.model,
            choices=[Choice(message=ReplyMessage(content=reply_text(output)))],
            usage=token_usage(output),
        )
        return StructResponse(answer.model_dump(), headers=named)

    async def _selection(self, body: CompletionBody) -> tuple[str, ...]:
        if not body.stream:
            return ()
        return (await self._interfaces.of(body.model, None)).interface.default_selection()


def completions_router(door: CompletionsEndpoint) -> APIRouter:
    """Chat completions."""
    router = APIRouter(route_class=plain(present_execute_error), tags=["OpenAI"])
    responses: dict[int | str, dict[str, Any]] = {
        200: {"description": "The answer, or its stream.", "content": {"text/event-stream": {}}},
        **answers(ErrorAnswer, 400, 401, 402, 403, 404, 408, 409, 413, 429, 500, 503),
    }
    router.add_api_route(
        "/v1/chat/completions",
        door.complete,
        methods=["POST"],
        response_model=Completion,
        summary="Run a workflow as a chat model",
        responses=responses,
        openapi_extra=described(CompletionBody),
    )
    return router
