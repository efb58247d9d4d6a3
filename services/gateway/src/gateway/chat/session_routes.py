"""`/api/chat/{identifier}`: requests of the chat page, without a key."""

from typing import Any, Final

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.access.plans import RateKind
from gateway.access.rate_limits import RateLimits
from gateway.chat.codes import ChatCodes
from gateway.chat.models import ChatConfig, CodeBody, CodeRequest, MessageBody, config_of, url_of
from gateway.chat.sessions import TICKET_SECONDS, ChatSessions, PublishedChat
from gateway.runs.requests import AGENT_EVENTS, ExecuteRequest, call_chain
from gateway.runs.stream_access import CallerAccess
from gateway.runs.views import redact_for_public
from gateway.streams.attached_stream import PROTOCOL_HEADER
from gateway.streams.services import EndpointServices
from gateway.streams.sse_frames import FrameWriter
from gateway.web.bodies import Message, json_value, validated
from gateway.web.errors import present_call_error, present_error
from gateway.web.routes import Refusal, answers, described, plain
from shared.contracts.chats import Chat
from shared.contracts.runs import RunMode, Trigger
from shared.errors import InvalidRequest, NotFound
from shared.web.struct_bodies import StructResponse

CODE_SENT: Final = "If this address has access, a code was sent to it."
NO_STORE: Final = {"cache-control": "no-store"}


class ChatEndpoint:
    """Endpoint that admits visitors and streams answers. Messages count against the workflow's public limits."""

    def __init__(
        self,
        services: EndpointServices,
        sessions: ChatSessions,
        codes: ChatCodes,
        limits: RateLimits,
        *,
        public_url: str,
    ) -> None:
        self._services = services
        self._sessions = sessions
        self._codes = codes
        self._limits = limits
        self._public_url = public_url
        self._is_secure = public_url.startswith("https://")

    async def appearance(self, request: Request) -> Response:
        """Return what the page shows before the first message."""
        found = await self._sessions.find(request.path_params["identifier"])
        await self._check_access(request, found.chat, password=None)
        return _config(found.chat)

    async def send_message(self, request: Request) -> Response:
        """Answer a message, or the password."""
        self._services.admit(request)
        found = await self._sessions.find(request.path_params["identifier"])
        body = validated(MessageBody, json_value(await request.body()))
        ticket = await self._check_access(request, found.chat, password=body.password)
        if body.has_content:
            response = await self._answer(request, found, body, ticket)
        elif body.requests_access:
            response = _config(found.chat)
        else:
            raise InvalidRequest("No input provided")
        if ticket is not None:
            self._set_ticket(response, found.chat, ticket)
        return response

    async def send_code(self, request: Request) -> Response:
        """Mail a code to an allowed address; every request gets the same answer."""
        chat = (await self._sessions.find(request.path_params["identifier"])).chat
        body = validated(CodeRequest, json_value(await request.body()))
        url = url_of(chat, self._public_url)
        await self._codes.send(chat, body.email, address=self._address_of(request), url=url)
        return StructResponse(Message(message=CODE_SENT).model_dump(), headers=NO_STORE)

    async def redeem_code(self, request: Request) -> Response:
        """Admit a visitor with a code."""
        chat = (await self._sessions.find(request.path_params["identifier"])).chat
        body = validated(CodeBody, json_value(await request.body()))
        ticket = await self._codes.redeem(chat, body.email, body.otp.strip(), address=self._address_of(request))
        response = _config(chat)
        self._set_ticket(response, chat, ticket)
        return response

    async def _answer(
        self, request: Request, found: PublishedChat, body: MessageBody, new_ticket: str | None
    ) -> Response:
        chat, endpoint = found.chat, found.endpoint
        ticket = new_ticket or request.cookies.get(_cookie_name(chat))
        visitor = await self._services.visitor(request, endpoint.workspace_id)
        self._services.rate_limits.show(request, visitor, RateKind.SYNC)
        self._services.admit_to(request, endpoint.workspace_id)
        selection = await self._sessions.selection(chat)
        await self._limits.take(visitor, RateKind.SYNC)
        agent_events = request.headers.get(PROTOCOL_HEADER) == AGENT_EVENTS
        run_request = ExecuteRequest(
            mode=RunMode.STREAM,
            input=msgspec.json.encode(body.workflow_input(chat)),
            selected_outputs=selection,
            include_thinking=agent_events and chat.settings.shows_thinking,
            include_tool_calls=agent_events and chat.settings.shows_tools,
            agent_events=agent_events,
            call_chain=call_chain(request.headers),
            trigger=Trigger.CHAT,
        )
        run = await self._services.executions.attach(visitor, endpoint, run_request)
        writer = FrameWriter(selects=bool(selection), agent_events=agent_events, hide=redact_for_public)
        agreed = {PROTOCOL_HEADER: AGENT_EVENTS} if agent_events else {}
        headers = {"x-execution-id": run.run_id, **agreed}
        return self._services.attached.stream_with(
            run, writer, endpoint, self._caller_access(chat, ticket), headers=headers
        )

    def _caller_access(self, chat: Chat, ticket: str | None) -> CallerAccess:
        """Return a visitor's access to answers: the chat is open, and still accepts the ticket."""
        identifier = chat.settings.identifier

        async def check() -> None:
            now = (await self._sessions.find(identifier)).chat
            if now.id != chat.id:
                raise NotFound("Chat not found")
            self._sessions.require_ticket(now, ticket)

        return self._services.access.by(("chat", chat.id, ticket), check)

    async def _check_access(self, request: Request, chat: Chat, *, password: str | None) -> str | None:
        ticket = request.cookies.get(_cookie_name(chat))
        return await self._sessions.enter(chat, ticket=ticket, password=password, address=self._address_of(request))

    def _address_of(self, request: Request) -> str:
        return self._services.rate_limits.address_of(request)

    def _set_ticket(self, response: Response, chat: Chat, ticket: str) -> None:
        response.set_cookie(
            _cookie_name(chat),
            ticket,
            max_age=TICKET_SECONDS,
            path="/api/chat/",
            httponly=True,
            samesite="strict",
            secure=self._is_secure,
        )


def _cookie_name(chat: Chat) -> str:
    return f"chat_auth_{chat.id}"


def _config(chat: Chat) -> Response:
    return StructResponse(config_of(chat).model_dump(by_alias=True), headers=NO_STORE)


def chat_session_router(endpoint: ChatEndpoint) -> APIRouter:
    """Return the routes. They must follow the authors' routes, whose paths look like addresses."""
    router = APIRouter(prefix="/api/chat", route_class=plain(present_error), tags=["Chat"])
    router.add_api_route(
        "/{identifier}",
        endpoint.appearance,
        methods=["GET"],
        response_model=ChatConfig,
        summary="Get a chat's appearance",
        responses=answers(Refusal, 401, 403, 404, 503),
    )
    responses: dict[int | str, dict[str, Any]] = {
        200: {"description": "Stream of the answer.", "content": {"text/event-stream": {}}},
        **answers(Refusal, 400, 401, 402, 403, 404, 413, 429, 503),
    }
    router.add_api_route(
        "/{identifier}",
        endpoint.send_message,
        name="say",  # operation ids contain the name, and clients are generated from them
        methods=["POST"],
        route_class_override=plain(present_call_error),
        response_model=ChatConfig,
        summary="Send a message, or the password",
        responses=responses,
        openapi_extra=described(MessageBody),
    )
    for method, name, action, summary, body, answer in (
        ("POST", "send_code", endpoint.send_code, "Send a code by email", CodeRequest, Message),
        ("PUT", "take_code", endpoint.redeem_code, "Enter with the code", CodeBody, ChatConfig),
    ):
        router.add_api_route(
            "/{identifier}/otp",
            action,
            name=name,
            methods=[method],
            response_model=answer,
            summary=summary,
            responses=answers(Refusal, 400, 401, 403, 404, 429, 503),
            openapi_extra=described(body),
        )
    return router
