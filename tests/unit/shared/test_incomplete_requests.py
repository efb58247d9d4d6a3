"""A caller that disconnects before its request is complete causes no error."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from shared.web.app import CLIENT_CLOSED_REQUEST, create_app


async def test_a_caller_that_disconnects_in_the_middle_of_a_body_breaks_nothing() -> None:
    router = APIRouter()

    @router.post("/read")
    async def read(request: Request) -> Response:
        return Response(await request.body())

    messages: list[Any] = []
    came = iter([{"type": "http.request", "body": b"half", "more_body": True}, {"type": "http.disconnect"}])

    async def receive() -> Any:
        return next(came)

    async def send(message: Any) -> None:
        messages.append(message)

    scope = {"type": "http", "method": "POST", "path": "/read", "query_string": b"", "headers": []}
    await create_app("test", components=(), checks={}, routers=[router])(scope, receive, send)
    assert messages[0]["status"] == CLIENT_CLOSED_REQUEST
