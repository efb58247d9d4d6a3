"""Calls that run workflows skip the router, with the same routes and errors."""

from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Message, Receive, Scope, Send
from tests.support.gateway.system import System

from gateway.web.routes import PlainRoute, body_of


def scope_of(system: System, path: str) -> Scope:
    return {"type": "http", "method": "POST", "path": path, "headers": [], "app": system.app}


def test_the_router_would_choose_the_same_routes(system: System) -> None:
    routes = system.app.router.routes
    plain = [route for route in routes if isinstance(route, PlainRoute) and "POST" in (route.methods or ())]
    assert {"/api/workflows/{workflow_id}/execute", "/api/v2/workflows/{workflow_id}/execute"} <= {
        route.path for route in plain
    }
    for route in plain:
        scope = scope_of(system, route.path.replace("{", "").replace("}", ""))
        assert next(each for each in routes if each.matches(scope)[0] is Match.FULL) is route


async def test_no_run_begins_before_the_start_is_complete(system: System) -> None:
    startup = system.app.state.startup
    routes = system.app.router.routes
    startup.waits_for = "the store does not respond"
    routes.insert(0, startup._gate)
    try:
        refused = await system.execute({})
    finally:
        routes.remove(startup._gate)
        startup.waits_for = ""
    assert (refused.status, system.worker.runs) == (503, [])
    assert (await system.execute({})).status == 200


async def test_a_body_is_read_to_its_end() -> None:
    parts = iter([b"first ", b"", b"last"])

    async def receive() -> Message:
        body = next(parts)
        return {"type": "http.request", "body": body, "more_body": body != b"last"}

    assert await body_of(Request({"type": "http"}, receive)) == b"first last"


async def test_a_caller_that_disconnects_before_the_end_of_its_body_is_not_an_error(
    caplog: pytest.LogCaptureFixture, system: System
) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    with pytest.raises(ClientDisconnect):
        await body_of(Request({"type": "http"}, receive))
    scope = scope_of(system, "/api/workflows/W/execute")
    scope["headers"] = [(b"x-api-key", system.key.encode())]
    await system.app(scope, receive, send)
    assert sent[0]["status"] == 499
    assert not caplog.records


async def test_resources_of_a_call_are_released_in_reverse_order() -> None:
    released: list[str] = []

    async def endpoint(request: Request) -> Response:
        request.scope["at_end"] += [lambda: released.append("first"), lambda: released.append("second")]
        return Broken()

    class Broken(Response):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            raise ConnectionError

    route = PlainRoute("/x", endpoint, methods=["POST"])
    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/x", "headers": []}
    with pytest.raises(ConnectionError):
        await route.handle(scope, receive=None, send=None)
    assert released == ["second", "first"]
