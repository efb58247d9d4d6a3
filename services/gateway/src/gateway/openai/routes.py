"""`POST /v1/chat/completions`, and `GET /v1/models`: callable workflows as models."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from gateway.access.authentication import Authentication
from gateway.access.credentials import Caller, Scope
from gateway.access.plans import RateKind
from gateway.openai.models import (
    Choice,
    Completion,
    CompletionBody,
    CompletionWriter,
    ErrorAnswer,
    Model,
    ModelList,
    ReplyMessage,
    failed_run,
    present_error,
    present_execute_error,
    reply_text,
    token_usage,
)
from gateway.runs.requests import ExecuteRequest, call_chain
from gateway.streams.services import EndpointServices
from gateway.web.bodies import json_value, validated
from gateway.web.rate_limit_headers import RateLimitHeaders
from gateway.web.routes import answers, described, headers_of, plain, route_class_for
from gateway.workflows.endpoints import Endpoints, Interfaces, list_all_workflows
from shared.clients.deploy.workflows import HttpDeployClient
from shared.clock import Clock
from shared.contracts.deployments import Workflow
from shared.contracts.runs import RunMode, RunStatus
from shared.errors import InvalidRequest, NotFound
from shared.web.struct_bodies import StructResponse

ONE_ANSWER: Final = "A workflow returns one answer: n must be 1"


OWN_TOOLS: Final = "A workflow calls only its own tools: remove tools and functions from the request"


OWN_FORM: Final = "The workflow defines the format of the answer: response_format must be text"


NO_LOGPROBS: Final = "A workflow returns no log probabilities: remove logprobs and top_logprobs"


ANSWERS_IN_TEXT: Final = "A workflow answers only in text"


ONLY_TEXT: Final = "Messages must be text. Send files as input fields to the workflow's execute endpoint."


_TEXT: Final = ("text", "refusal")


def refuse_unsupported(body: Mapping[str, Any]) -> None:
    """Check `body`, a CompletionBody. Raises InvalidRequest for the first parameter that would be silently ignored."""
    for field, (is_unsupported, message) in _UNSUPPORTED.items():
        value = body.get(field)
        if value is not None and is_unsupported(value, body):
            raise InvalidRequest(message, details=[{"code": "unsupported_value", "path": [field], "message": message}])


def _wants_tools(choice: str) -> Callable[[Any, Mapping[str, Any]], bool]:
    return lambda tools, body: bool(tools) and body.get(choice) != "none"


def _has_other_parts(message: Mapping[str, Any]) -> bool:
    content = message.get("content")
    return isinstance(content, list) and any(part["type"] not in _TEXT for part in content)


_UNSUPPORTED: Final[Mapping[str, tuple[Callable[[Any, Mapping[str, Any]], bool], str]]] = {
    "n": (lambda n, _: n != 1, ONE_ANSWER),
    "tools": (_wants_tools("tool_choice"), OWN_TOOLS),
    "functions": (_wants_tools("function_call"), OWN_TOOLS),
    "response_format": (lambda form, _: form != {"type": "text"}, OWN_FORM),
    "logprobs": (lambda value, _: bool(value), NO_LOGPROBS),
    "top_logprobs": (lambda count, _: count != 0, NO_LOGPROBS),
    "modalities": (lambda kinds, _: kinds != ["text"], ANSWERS_IN_TEXT),
    "audio": (lambda _, __: True, ANSWERS_IN_TEXT),
    "messages": (lambda messages, _: any(map(_has_other_parts, messages)), ONLY_TEXT),
}


class CompletionsEndpoint:
    """Endpoint for OpenAI's clients. Access and rate limits are as everywhere."""

    def __init__(self, services: EndpointServices, interfaces: Interfaces, clock: Clock) -> None:
        self._services = services
        self._interfaces = interfaces
        self._clock = clock

    async def complete(self, request: Request) -> Response:
        """Continue a conversation."""
        self._services.admit(request)
        headers = headers_of(request)
        chain = call_chain(headers)
        known = await self._services.authentication.caller(headers)
        if known is not None:
            self._services.rate_limits.show(request, known, RateKind.SYNC)
        document = json_value(await request.body())
        body = validated(CompletionBody, document)
        refuse_unsupported(document)
        caller = known or await self._services.public_caller(request, body.model)
        caller, endpoint = await self._services.executions.authorize(caller, body.model)
        self._services.rate_limits.show(request, caller, RateKind.SYNC)
        self._services.admit_to(request, endpoint.workspace_id)
        run_request = ExecuteRequest(
            mode=RunMode.STREAM if body.stream else RunMode.SYNC,
            input=msgspec.json.encode(body.workflow_input()),
            selected_outputs=await self._selection(body),
            call_chain=chain,
        )
        run = await self._services.executions.attach(caller, endpoint, run_request)
        completion_id, created = f"chatcmpl-{run.run_id}", int(self._clock.now().timestamp())
        headers = {"x-execution-id": run.run_id}
        caller_access = self._services.access.of(caller, endpoint.workflow_id)
        if body.stream:
            writer = CompletionWriter(completion_id, body.model, created, include_usage=body.wants_usage)
            return self._services.attached.stream_with(run, writer, endpoint, caller_access, headers=headers)
        outcome, output = await self._services.attached.result(request, run, endpoint.workspace_id, caller_access)
        if outcome.status in (RunStatus.FAILED, RunStatus.CANCELLED):
            return failed_run(outcome, headers)
        answer = Completion(
            id=completion_id,
            created=created,
            model=body.model,
            choices=[Choice(message=ReplyMessage(content=reply_text(output)))],
            usage=token_usage(output),
        )
        return StructResponse(answer.model_dump(), headers=headers)

    async def _selection(self, body: CompletionBody) -> tuple[str, ...]:
        if not body.stream:
            return ()
        return (await self._interfaces.of(body.model, None)).interface.default_selection()


def completions_router(endpoint: CompletionsEndpoint) -> APIRouter:
    """Chat completions."""
    router = APIRouter(route_class=plain(present_execute_error), tags=["OpenAI"])
    responses: dict[int | str, dict[str, Any]] = {
        200: {"description": "Answer, or its stream.", "content": {"text/event-stream": {}}},
        **answers(ErrorAnswer, 400, 401, 402, 403, 404, 408, 409, 413, 429, 500, 503),
    }
    router.add_api_route(
        "/v1/chat/completions",
        endpoint.complete,
        methods=["POST"],
        response_model=Completion,
        summary="Run a workflow as a chat model",
        responses=responses,
        openapi_extra=described(CompletionBody),
    )
    return router


MAX_MODELS: Final = 1_000
"""The list of models has no pages, and longer ones are useless."""


def models_router(
    authentication: Authentication, endpoints: Endpoints, rate_limits: RateLimitHeaders, authoring: HttpDeployClient
) -> APIRouter:
    """Return the route, which lists deployed workflows."""
    router = APIRouter(
        prefix="/v1/models",
        route_class=route_class_for(present_error),
        tags=["OpenAI"],
        responses=answers(ErrorAnswer, 401, 403, 429, 503),
    )

    async def counted(request: Request) -> Caller:
        caller = await authentication.require(request.headers)
        await rate_limits.count(request, caller, RateKind.API)
        return caller

    AnyCaller = Annotated[Caller, Depends(counted)]  # noqa: N806 - a type

    @router.get("", summary="List deployed workflows")
    async def models(caller: AnyCaller) -> ModelList:
        caller.require(Scope.READ, Scope.EXECUTE)
        found = await list_all_workflows(authoring, caller.workspace.id, deployed_only=True, most=MAX_MODELS)
        return ModelList(data=[_model(each) for each in found if caller.covers(each.id)])

    @router.get("/{workflow_id}", summary="Get a deployed workflow", responses=answers(ErrorAnswer, 404))
    async def model(caller: AnyCaller, workflow_id: str) -> Model:
        endpoint = await endpoints.get(workflow_id)
        caller = caller.on(endpoint.workspace_id, workflow_id)
        caller.require(Scope.READ, Scope.EXECUTE)
        if not endpoint.is_deployed:
            raise NotFound("Workflow not found")
        return _model(await authoring.get(endpoint.workspace_id, workflow_id))

    return router


def _model(workflow: Workflow) -> Model:
    return Model(id=workflow.id, created=int(workflow.created_at.timestamp()), owned_by=workflow.workspace_id)
