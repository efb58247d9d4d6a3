"""Permissions of each service on the internal API."""

import re

import httpx2
import pytest
from fastapi import FastAPI
from tests.support.deploy import DeployCaller, at, state

from deploy_service.settings import DeploySettings
from shared.contracts.deployments import Environment, SetEnvironmentValue
from shared.errors import Forbidden, NotFound, Unauthenticated
from shared.service import ServiceName
from shared.web.internal_auth import ServiceTokens

WORKFLOW = "/internal/workflows/{workflow_id}"
ENVIRONMENT = "/internal/environment/{workspace_id}"
AGENTS = "/internal/agents"
CHATS = "/internal/chats"
TOOL_SERVERS = "/internal/tool-servers"
GATEWAY_ONLY = [
    ("GET", "/internal/workflows"),
    ("POST", "/internal/workflows"),
    ("POST", "/internal/workflows/import"),
    ("GET", "/internal/workflows/modified"),
    ("GET", WORKFLOW),
    ("PATCH", WORKFLOW),
    ("DELETE", WORKFLOW),
    ("GET", f"{WORKFLOW}/draft"),
    ("GET", f"{WORKFLOW}/draft/revision"),
    ("PUT", f"{WORKFLOW}/draft"),
    ("GET", f"{WORKFLOW}/problems"),
    ("POST", f"{WORKFLOW}/deploy"),
    ("POST", f"{WORKFLOW}/deploy-unchecked"),
    ("GET", f"{WORKFLOW}/versions"),
    ("GET", f"{WORKFLOW}/versions/{{number}}"),
    ("PATCH", f"{WORKFLOW}/versions/{{number}}"),
    ("POST", f"{WORKFLOW}/versions/{{number}}/promote"),
    ("POST", f"{WORKFLOW}/versions/{{word}}/load"),
    ("DELETE", f"{WORKFLOW}/deployment"),
    ("PATCH", f"{WORKFLOW}/access"),
    ("GET", f"{WORKFLOW}/status"),
    ("GET", f"{WORKFLOW}/diff"),
    ("GET", f"{WORKFLOW}/resume-map"),
    ("GET", f"{WORKFLOW}/export"),
    ("GET", f"{WORKFLOW}/export/yaml"),
    ("GET", f"{ENVIRONMENT}/names"),
    ("PUT", f"{ENVIRONMENT}/names/{{name}}"),
    ("DELETE", f"{ENVIRONMENT}/names/{{name}}"),
    ("POST", f"{WORKFLOW}/draft/snapshot"),
    ("GET", f"{WORKFLOW}/chat"),
    ("GET", f"{WORKFLOW}/agent"),
    ("POST", AGENTS),
    ("GET", f"{AGENTS}/{{publication_id}}"),
    ("PUT", f"{AGENTS}/{{publication_id}}"),
    ("DELETE", f"{AGENTS}/{{publication_id}}"),
    ("POST", CHATS),
    ("GET", f"{CHATS}/at/{{identifier}}"),
    ("GET", f"{CHATS}/{{publication_id}}"),
    ("PUT", f"{CHATS}/{{publication_id}}"),
    ("DELETE", f"{CHATS}/{{publication_id}}"),
    ("GET", TOOL_SERVERS),
    ("POST", TOOL_SERVERS),
    ("GET", f"{TOOL_SERVERS}/{{publication_id}}"),
    ("PUT", f"{TOOL_SERVERS}/{{publication_id}}"),
    ("DELETE", f"{TOOL_SERVERS}/{{publication_id}}"),
    ("GET", "/internal/model-providers"),
    ("GET", "/internal/deleted-workflows"),
    ("GET", "/internal/deleted-workflows/expired"),
    ("POST", "/internal/deleted-workflows/{workflow_id}/restore"),
    ("POST", "/internal/erasures"),
    ("GET", "/internal/erasures/workflows/{workflow_id}"),
]
EXECUTOR_ONLY = [("GET", "/internal/snapshots/{workspace_id}/{snapshot_hash}"), ("GET", ENVIRONMENT)]
SHARED = [("GET", f"{WORKFLOW}/endpoint")]
ROUTES = [*GATEWAY_ONLY, *EXECUTOR_ONLY, *SHARED]


def filled(path: str) -> str:
    return re.sub(r"{\w+}", "1", path)


@pytest.mark.parametrize("header", [b"", b"Bearer ", b"Bearer wrong", b"Basic gateway-token", b"Bearer caf\xe9"])
async def test_requests_without_a_token_are_rejected(app: FastAPI, header: bytes) -> None:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://deploy") as http:
        for method, path in ROUTES:
            answer = await http.request(method, filled(path), headers=[(b"authorization", header)])
            assert answer.status_code == 401, path
            assert answer.json()["code"] == Unauthenticated.code


async def test_management_is_for_the_gateway_alone(app: FastAPI, settings: DeploySettings) -> None:
    await _are_forbidden(app, settings, GATEWAY_ONLY, ServiceName.EXECUTOR, ServiceName.JOBS)


async def test_states_and_secrets_are_for_the_executor_alone(app: FastAPI, settings: DeploySettings) -> None:
    await _are_forbidden(app, settings, EXECUTOR_ONLY, ServiceName.GATEWAY, ServiceName.JOBS)


async def _are_forbidden(
    app: FastAPI, settings: DeploySettings, routes: list[tuple[str, str]], *callers: ServiceName
) -> None:
    transport, tokens = httpx2.ASGITransport(app), ServiceTokens.of(settings)
    for caller in callers:
        shown = {"authorization": tokens.header(caller)}
        async with httpx2.AsyncClient(transport=transport, base_url="http://deploy", headers=shown) as http:
            for method, path in routes:
                assert (await http.request(method, filled(path))).json()["code"] == Forbidden.code, path


async def test_every_route_is_in_one_of_these_lists(app: FastAPI) -> None:
    found = [(method.upper(), path) for path, methods in app.openapi()["paths"].items() for method in methods]
    assert sorted(found) == sorted(ROUTES)


async def test_a_secret_is_written_by_the_gateway_and_read_only_by_the_executor(
    gateway: DeployCaller, executor: DeployCaller
) -> None:
    body = SetEnvironmentValue("hunter2", "member-1")
    await gateway.http.call("PUT", "/internal/environment/ws/names/TOKEN", body=body)
    listed = await gateway.http.fetch("GET", "/internal/environment/ws/names")
    assert b"TOKEN" in listed
    assert b"hunter2" not in listed
    opened = await executor.http.call("GET", "/internal/environment/ws", returns=Environment)
    assert opened.values == {"TOKEN": "hunter2"}
    nothing = await executor.http.call("GET", "/internal/environment/other", returns=Environment)
    assert nothing.values == {}


async def test_a_worker_finds_child_workflows_of_its_workspace_only(
    gateway: DeployCaller, executor: DeployCaller
) -> None:
    child = await gateway.create(state())
    await gateway.deploy(child.id)
    endpoint = await executor.endpoint(child.id)
    assert endpoint.is_deployed
    await executor.http.fetch("GET", f"/internal/snapshots/ws/{endpoint.snapshot_hash}")
    with pytest.raises(NotFound):
        await executor.http.call("GET", at(child.id, "endpoint", "other"))
    with pytest.raises(NotFound):
        await executor.http.fetch("GET", f"/internal/snapshots/other/{endpoint.snapshot_hash}")


async def test_snapshots_may_be_cached_and_secrets_never(gateway: DeployCaller, app: FastAPI) -> None:
    workflow = await gateway.create(state())
    endpoint = (await gateway.deploy(workflow.id)).endpoint
    headers = {"authorization": "Bearer executor-token"}
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app), base_url="http://deploy", headers=headers
    ) as http:
        snapshot = await http.get(f"/internal/snapshots/ws/{endpoint.snapshot_hash}")
        environment = await http.get("/internal/environment/ws")
    assert "immutable" in snapshot.headers["cache-control"]
    assert environment.headers["cache-control"] == "no-store"
