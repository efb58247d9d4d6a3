"""Handling of every request: ids, cross-origin rules, unknown paths, the API's description."""

from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI
from starlette.types import Message, Receive, Scope, Send
from tests.support.gateway.system import BASE, System

from gateway.app import RequestGuard
from gateway.console.routes import root_router
from gateway.web.console_assets import ConsoleFiles
from gateway.web.origins import CrossSiteRules
from shared.errors import OutcomeUncertain

EXPOSED = "Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-Request-Id, X-Run-Id"


async def test_any_page_may_call_execute(system: System) -> None:
    answer = await system.request("OPTIONS", "/api/workflows/W/execute", headers={"Origin": "https://page.example"})
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-methods"] == "GET,POST,OPTIONS,PUT"
    assert answer.headers["access-control-max-age"] == "86400"
    assert answer.headers["access-control-expose-headers"].startswith(EXPOSED)
    assert "access-control-allow-credentials" not in answer.headers
    allowed = answer.headers["access-control-allow-headers"].split(", ")
    assert {"X-API-Key", "Content-Type", "X-Execution-Mode", "X-Stream-Response", "X-Sim-Stream-Protocol"} <= set(
        allowed
    )


async def test_answers_and_refusals_carry_the_same_rules(system: System) -> None:
    for answer in (await system.execute({}), await system.execute(b"{"), await system.execute({"stream": True})):
        assert answer.headers["access-control-allow-origin"] == "*"
        assert len(answer.headers["x-request-id"]) == 8


async def test_other_routes_are_for_our_own_pages(system: System) -> None:
    answer = await system.request("OPTIONS", "/api/jobs/x")
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == BASE
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["vary"] == "Origin"


async def test_get_on_execute_is_405(system: System) -> None:
    answer = await system.get("/api/workflows/W/execute")
    assert (answer.status, answer.json) == (405, {"error": "Method not allowed"})
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "path", ["/api/workflows", "/api/v1/workflows/W", "/v1/models", "/healthz", "/openapi.json", "/"]
)
async def test_head_is_answered_as_get_without_the_body(system: System, path: str) -> None:
    got, headed = await system.get(path), await system.send("HEAD", path)
    assert (headed.status, headed.body) == (got.status, b"")
    assert headed.headers["content-length"] == got.headers["content-length"]
    assert headed.headers["content-type"] == got.headers["content-type"]


async def test_head_is_refused_as_get_is(system: System) -> None:
    for path, status in (("/api/workflows/W/execute", 405), ("/api/nothing", 404), ("/api/workflows/none/state", 404)):
        answer = await system.send("HEAD", path)
        assert (answer.status, answer.body) == (status, b"")
    assert (await system.send("HEAD", "/api/workflows", key=None)).status == 401


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/workflows/W/deploy", "DELETE, GET, HEAD, PATCH, POST"),
        ("/api/workspaces/WS1/api-keys", "DELETE, GET, HEAD, POST"),
        ("/api/chat/desk", "GET, HEAD, POST"),
        ("/api/v2/workflows/W/runs", "GET, HEAD"),
        ("/v1/chat/completions", "POST"),
        ("/healthz", "GET, HEAD"),
    ],
)
async def test_a_wrong_method_lists_the_allowed_ones(system: System, path: str, allowed: str) -> None:
    answer = await system.send("PUT", path)
    assert (answer.status, answer.headers["allow"]) == (405, allowed)


async def test_an_unknown_path_is_404(system: System) -> None:
    assert (await system.get("/api/nothing")).json == {"error": "Not found"}
    assert (await system.get("/api/v2/nothing")).json == {"error": {"code": "NOT_FOUND", "message": "Not found"}}


async def test_an_extra_slash_is_an_unknown_path_without_a_redirect(system: System) -> None:
    answer = await system.request("POST", "/api/workflows/W/execute/")
    assert (answer.status, "location" in answer.headers) == (404, False)


async def test_an_invalid_parameter_is_reported_like_any_other_error(system: System) -> None:
    answer = await system.get("/api/workflows/W/diff?from=zero")
    assert (answer.status, answer.json["details"][0]["path"]) == (400, ["from"])
    assert answer.json["code"] == "_".join(answer.json["error"].upper().split())
    assert answer.json["requestId"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/api/v2/nothing", "/api/v2/workflows/W/execute", "/api/v2/workflows/W/runs?limit=0"])
async def test_answers_of_v2_are_not_cacheable(system: System, path: str) -> None:
    assert (await system.get(path)).headers["cache-control"] == "private, no-store"


async def test_the_front_page_describes_the_service(system: System) -> None:
    assert (await system.get("/")).json == {"name": "Flowport", "openapi": f"{BASE}/openapi.json"}


@pytest.mark.parametrize(
    ("console", "shown"), [({}, "/api/workflows/{workflow-id}/execute"), ({"index.html": "the console"}, "the console")]
)
async def test_browsers_get_the_console_or_instructions(tmp_path: Path, console: dict[str, str], shown: str) -> None:
    for name, content in console.items():
        (tmp_path / name).write_text(content)
    app = FastAPI()
    app.include_router(root_router(BASE, ConsoleFiles(tmp_path)))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=BASE) as browser:
        assert shown in (await browser.get("/", headers={"accept": "text/html"})).text


async def test_readiness_checks_the_broker_and_the_store(system: System) -> None:
    assert (await system.get("/readyz")).status == 200
    system.tenants.is_down = True
    answer = await system.get("/readyz")
    assert (answer.status, len(answer.json["problems"])) == (503, 1)


async def test_the_api_describes_itself(system: System) -> None:
    paths = (await system.get("/openapi.json")).json["paths"]
    execute = paths["/api/workflows/{workflow_id}/execute"]["post"]
    assert {"200", "202", "400", "401", "403", "404", "408", "409", "413", "429", "500", "503"} <= set(
        execute["responses"]
    )
    assert execute["requestBody"]["content"]["application/json"]["schema"]["properties"]["selectedOutputs"]
    assert "/api/jobs/{job_id}" in paths


async def test_the_api_describes_every_generation_and_how_to_authenticate(system: System) -> None:
    document = (await system.get("/openapi.json")).json
    prefixes = ("/api/workflows", "/api/v1/", "/api/v2/", "/v1/", "/api/mcp/", "/api/a2a/", "/api/chat")
    assert [prefix for prefix in prefixes if not any(path.startswith(prefix) for path in document["paths"])] == []
    assert document["components"]["securitySchemes"]["key"]["name"] == "x-api-key"
    assert document["security"] == [{}, {"key": []}, {"bearer": []}]


async def test_every_route_has_a_summary_other_than_the_name_of_its_function(system: System) -> None:
    paths = (await system.get("/openapi.json")).json["paths"]
    summaries = {(method, path): each["summary"] for path, known in paths.items() for method, each in known.items()}
    assert [route for route, summary in summaries.items() if summary == summary.title()] == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/", b'{"error":"Internal server error"}'),
        ("/api/v2/workflows", b'{"error":{"code":"INTERNAL_ERROR","message":"Internal server error"}}'),
    ],
)
async def test_a_bug_is_500_with_an_id_and_no_secret(path: str, body: bytes) -> None:
    sent: list[Message] = []

    async def fails(scope: Scope, receive: Receive, send: Send) -> None:
        raise ZeroDivisionError("secret")

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "http", "path": path, "headers": [], "method": "GET", "query_string": b"", "server": None}
    await RequestGuard(fails, BASE, CrossSiteRules(BASE))(scope, receive, send)
    assert sent[0]["status"] == 500
    assert b"x-request-id" in dict(sent[0]["headers"])
    assert sent[1]["body"] == body


@pytest.mark.parametrize(
    "path", ["/api/workflows/W/deploy", "/api/v1/workflows/W/deploy", "/api/v2/workflows/W/deploy"]
)
async def test_a_change_with_an_unknown_outcome_is_reported_as_such_without_a_retry_hint(
    system: System, path: str
) -> None:
    system.deployments.refusal = OutcomeUncertain()
    answer = await system.send("POST", path, {})
    assert answer.status == 503
    assert "may have been made" in answer.body.decode()
    assert "retry-after" not in answer.headers
