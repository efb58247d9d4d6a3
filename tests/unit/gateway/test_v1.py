"""The v1 API, for scripts and pipelines."""

from typing import Any

import pytest
from tests.support.gateway.clock import NOON
from tests.support.gateway.jobs import JOB, a_view
from tests.support.gateway.system import BASE, Answer, System
from tests.support.gateway.tenants import OTHER
from tests.support.gateway.visitor import enroll

from gateway.access.credentials import Scope
from gateway.access.models import Role
from shared.contracts.runs import RunStatus
from shared.contracts.statistics import RunStatistics
from shared.errors import InvalidWorkflow, Unavailable

STATE = {
    "blocks": {
        "s": {
            "id": "s",
            "type": "start_trigger",
            "name": "Start",
            "enabled": True,
            "position": {"x": 0, "y": 0},
            "outputs": {},
            "subBlocks": {
                "inputFormat": {
                    "id": "inputFormat",
                    "type": "input-format",
                    "value": [
                        {"id": "f", "name": "q", "type": "string"},
                        {"id": "g", "name": "n", "type": "number", "description": "how many"},
                    ],
                }
            },
        }
    },
    "edges": [],
}
TIMES = {"createdAt": "2026-11-24T12:00:00.000Z", "updatedAt": "2026-11-24T12:00:00.000Z"}


def body_of(answer: Answer) -> Any:
    """Return the body without its limits, which every answer has."""
    body = answer.json
    assert set(body.pop("limits")) == {"workflowExecutionRateLimit", "usage"}
    return body


async def send(
    system: System, method: str, path: str, body: object = None, *, key: str | None = "", raw: bytes = b""
) -> Answer:
    return await system.send(method, f"/api/v1/workflows{path}", body, key=key, raw=raw)


@pytest.mark.parametrize(("key", "error"), [(None, "API key required"), ("wrong", "Invalid API key")])
async def test_a_key_is_needed(system: System, key: str | None, error: str) -> None:
    answer = await send(system, "GET", "?workspaceId=WS1", key=key)
    assert (answer.status, answer.json) == (401, {"error": error})


async def test_the_list_is_paginated(system: System) -> None:
    system.deployments.undeployed("D")
    answer = await send(system, "GET", "?workspaceId=WS1&limit=1")
    assert answer.status == 200
    assert body_of(answer) == {
        "data": [
            {
                "id": "W",
                "name": "Workflow W",
                "description": "",
                "folderId": None,
                "workspaceId": "WS1",
                "isDeployed": True,
                "deployedAt": "2026-11-24T12:00:00.000Z",
                "runCount": 0,
                "lastRunAt": None,
                **TIMES,
            }
        ],
        "nextCursor": "1",
    }
    rest = await send(system, "GET", "?workspaceId=WS1&limit=1&cursor=1")
    assert [found["id"] for found in rest.json["data"]] == ["D"]
    assert "nextCursor" not in rest.json
    deployed = await send(system, "GET", "?workspaceId=WS1&deployedOnly=true")
    assert [found["id"] for found in deployed.json["data"]] == ["W"]


async def test_workflows_have_their_number_of_runs(system: System) -> None:
    system.jobs.tallied["W"] = RunStatistics("WS1", "W", 7, NOON)
    (row,) = (await send(system, "GET", "?workspaceId=WS1")).json["data"]
    alone = (await send(system, "GET", "/W")).json["data"]
    for shown in (row, alone):
        assert (shown["runCount"], shown["lastRunAt"]) == (7, "2026-11-24T12:00:00.000Z")


async def test_without_jobs_service_the_list_has_no_numbers(system: System) -> None:
    system.jobs.refusal = Unavailable("http://jobs is unavailable")
    (row,) = (await send(system, "GET", "?workspaceId=WS1")).json["data"]
    assert (row["runCount"], row["lastRunAt"]) == (None, None)


async def test_the_list_is_of_one_folder_where_one_is_named(system: System) -> None:
    system.deployments.folders["W"] = "F1"
    system.deployments.put("elsewhere")
    answer = await send(system, "GET", "?workspaceId=WS1&folderId=F1")
    assert [(found["id"], found["folderId"]) for found in answer.json["data"]] == [("W", "F1")]


async def test_the_limits_are_those_of_the_workspace_that_is_listed(system: System) -> None:
    lea = enroll(system, "lea", Role.ADMIN)
    system.tenants.join("WS2", lea.id, Role.ADMIN)
    key = system.tenants.issue_personal(lea)
    for workspace, plan in (("WS1", "free"), ("WS2", "pro")):
        answer = await send(system, "GET", f"?workspaceId={workspace}", key=key)
        assert answer.json["limits"]["usage"]["plan"] == plan


async def test_an_answer_has_a_data_field(system: System) -> None:
    for path in ("?workspaceId=WS1", "/W", "/W/export"):
        assert next(iter((await send(system, "GET", path)).json)) == "data"


@pytest.mark.parametrize("query", ["", "?workspaceId="])
async def test_the_list_needs_a_workspace(system: System, query: str) -> None:
    answer = await send(system, "GET", query)
    assert answer.status == 400
    assert answer.json["error"] == "Workspace ID is required"
    assert answer.json["details"][0]["path"] == ["workspaceId"]


async def test_the_list_of_another_workspace_is_403(system: System) -> None:
    assert (await send(system, "GET", "?workspaceId=WS2")).status == 403


async def test_import_makes_a_workflow(system: System) -> None:
    answer = await send(system, "POST", "/import", {"workspaceId": "WS1", "workflow": STATE, "name": "Mine"})
    assert answer.status == 201
    assert body_of(answer) == {
        "data": {"id": "new1", "name": "Mine", "description": "", "workspaceId": "WS1", "folderId": None, **TIMES}
    }


async def test_a_block_id_that_occurs_twice_is_refused(system: System) -> None:
    block = b'"A":{"id":"A","type":"start_trigger","name":"Start","position":{"x":0,"y":0},"subBlocks":{}}'
    raw = b'{"workspaceId":"WS1","workflow":{"blocks":{' + block + b"," + block + b'},"edges":[]}}'
    answer = await send(system, "POST", "/import", raw=raw)
    assert answer.status == 400
    assert "Duplicate key: A" in answer.json["error"]


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({"workflow": STATE}, 400, "Workspace ID is required"),
        ({"workspaceId": 5, "workflow": STATE}, 400, "Invalid input: expected string, received number"),
        ({"workspaceId": "WS1", "workflow": STATE, "name": ""}, 400, "Name is required"),
        ({"workspaceId": "WS1", "workflow": {}}, 400, "Invalid workflow: Missing or invalid field: blocks"),
        ({"workspaceId": "WS2", "workflow": STATE}, 403, "API key is not authorized for this workspace"),
        ([], 400, "Invalid input: expected object, received array"),
    ],
)
async def test_import_is_refused(system: System, body: object, status: int, error: str) -> None:
    answer = await send(system, "POST", "/import", body)
    assert (answer.status, answer.json["error"]) == (status, error)


@pytest.mark.parametrize("workflow_id", ["", "x" * 201])
async def test_an_imported_id_may_be_any_valid_one(system: System, workflow_id: str) -> None:
    answer = await send(system, "POST", "/import", {"workspaceId": "WS1", "workflow": STATE, "id": workflow_id})
    assert (answer.status, answer.json["details"][0]["path"]) == (400, ["id"])


async def test_a_workflow_has_its_inputs(system: System) -> None:
    made = await send(system, "POST", "/import", {"workspaceId": "WS1", "workflow": STATE})
    answer = await send(system, "GET", f"/{made.json['data']['id']}")
    assert answer.json["data"]["inputs"] == [
        {"name": "q", "type": "string"},
        {"name": "n", "type": "number", "description": "how many"},
    ]
    assert answer.json["data"]["variables"] == {}
    assert answer.json["data"]["isDeployed"] is False


async def test_export_gives_the_file(system: System) -> None:
    answer = await send(system, "GET", "/W/export")
    assert body_of(answer) == {"data": {"version": "1.0", "state": {"blocks": {}, "edges": []}}}


@pytest.mark.parametrize("generation", ["v1", "v2"])
async def test_export_as_yaml_gives_the_text(system: System, generation: str) -> None:
    path = f"/api/{generation}/workflows/W/export"
    answer = await system.get(f"{path}?format=yaml")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/yaml")
    assert answer.body.startswith(b"name: W\n")
    assert (await system.get(f"{path}?format=xml")).status == 400


async def test_deploy_makes_a_version_live(system: System) -> None:
    answer = await send(system, "POST", "/W/deploy", {"name": "two", "description": "d"})
    assert answer.status == 200
    assert body_of(answer) == {
        "data": {
            "id": "W",
            "isDeployed": True,
            "deployedAt": "2026-11-24T12:00:00.000Z",
            "version": 2,
            "unchanged": False,
            "warnings": [],
            "activeDeployment": {
                "deploymentVersionId": "W-v2",
                "version": 2,
                "deployedAt": "2026-11-24T12:00:00.000Z",
            },
        }
    }
    version = system.deployments.version_details["W", 2].version
    assert (version.name, version.created_by, version.deployed_by) == ("two", "key0", "someone")


async def test_a_deployed_workflow_runs_immediately(system: System) -> None:
    await system.execute({})
    assert (await send(system, "POST", "/W/deploy")).status == 200
    await system.execute({})
    assert [run.snapshot.version for run in system.worker.runs] == [1, 2]


async def test_a_workflow_with_problems_is_not_deployed(system: System) -> None:
    system.deployments.refusal = InvalidWorkflow("Workflow has no start block", details=[{"code": "NO_START"}])
    answer = await send(system, "POST", "/W/deploy")
    assert (answer.status, answer.json) == (
        400,
        {"error": "Workflow has no start block", "details": [{"code": "NO_START"}]},
    )


async def test_a_deploy_lists_the_warnings_that_it_accepts(system: System) -> None:
    await send(system, "POST", "/W/deploy", {"acceptedWarnings": ["unknown_setting:Agent 1"]})
    assert system.deployments.accepted_warnings == ("unknown_setting:Agent 1",)
    refused = await send(system, "POST", "/W/deploy", {"acceptedWarnings": "all"})
    assert refused.status == 400


async def test_a_deploy_without_a_list_accepts_all_warnings(system: System) -> None:
    await send(system, "POST", "/W/deploy", {})
    assert system.deployments.accepted_warnings is None


async def test_malformed_json_is_400(system: System) -> None:
    answer = await send(system, "POST", "/W/deploy", raw=b"{")
    details = [{"path": "", "message": "line 1, column 2: the JSON ends here"}]
    assert (answer.status, answer.json) == (400, {"error": "Request body must be valid JSON", "details": details})


async def test_rollback_promotes_the_previous_version(system: System) -> None:
    system.deployments.put("W", version=2)
    system.deployments.warnings = ('Nothing will fire "Every Morning"',)
    answer = await send(system, "POST", "/W/rollback")
    assert (answer.status, answer.json["data"]["version"]) == (200, 1)
    assert answer.json["data"]["warnings"] == ['Nothing will fire "Every Morning"']
    again = await send(system, "POST", "/W/rollback")
    assert (again.status, again.json) == (400, {"error": "No previous deployment version to roll back to"})


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({"version": "x"}, 400, "Invalid input: expected number, received string"),
        ({"version": None}, 400, "Invalid input: expected number, received null"),
        ({"version": 99}, 404, "Deployment version not found"),
    ],
)
async def test_rollback_is_refused(system: System, body: dict[str, Any], status: int, error: str) -> None:
    answer = await send(system, "POST", "/W/rollback", body)
    assert (answer.status, answer.json["error"]) == (status, error)


async def test_undeploy_leaves_no_live_version(system: System) -> None:
    answer = await send(system, "DELETE", "/W/deploy")
    assert body_of(answer) == {"data": {"id": "W", "isDeployed": False, "deployedAt": None, "warnings": []}}
    assert (await system.execute({})).status == 403
    for method, path in (("DELETE", "/W/deploy"), ("POST", "/W/rollback")):
        again = await send(system, method, path)
        assert (again.status, again.json) == (400, {"error": "Workflow is not deployed"})


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("GET", "/export"), ("POST", "/deploy"), ("DELETE", "/deploy"), ("POST", "/rollback")],
)
async def test_workflows_of_others_do_not_exist(system: System, method: str, path: str) -> None:
    answer = await send(system, method, f"/W{path}", key=system.tenants.issue(OTHER))
    assert (answer.status, answer.json) == (404, {"error": "Workflow not found"})


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/W", Scope.READ),
        ("GET", "/W/export", Scope.READ),
        ("POST", "/W/deploy", Scope.DEPLOY),
        ("DELETE", "/W/deploy", Scope.DEPLOY),
        ("POST", "/W/rollback", Scope.DEPLOY),
    ],
)
async def test_a_key_needs_the_scope(system: System, method: str, path: str, scope: Scope) -> None:
    without = system.tenants.issue(scopes=frozenset(Scope) - {scope, Scope.ADMIN})
    answer = await send(system, method, path, key=without)
    assert (answer.status, answer.json) == (403, {"error": f"API key lacks the {scope} scope"})


@pytest.mark.parametrize("generation", ["v1", "v2"])
@pytest.mark.parametrize(("method", "path"), [("POST", "deploy"), ("DELETE", "deploy"), ("POST", "rollback")])
async def test_to_a_key_whose_user_may_not_deploy_there_is_nothing_to_deploy(
    system: System, generation: str, method: str, path: str
) -> None:
    key = system.tenants.issue_personal(enroll(system, "reader", Role.READ))
    answer = await system.send(method, f"/api/{generation}/workflows/W/{path}", {}, key=key)
    assert answer.status == 404
    message = answer.json["error"] if generation == "v1" else answer.json["error"]["message"]
    assert message == "Workflow not found"
    exported = await system.send("GET", f"/api/{generation}/workflows/W/export", key=key)
    assert exported.status == 200
    legacy = await system.send("POST", "/api/workflows/W/deploy", key=key)
    assert legacy.json["error"] == "Unauthorized: Access denied to admin this workflow", "the key lacks no scope"


@pytest.mark.parametrize("generation", ["v1", "v2"])
@pytest.mark.parametrize(("method", "path"), [("POST", "deploy"), ("DELETE", "deploy"), ("POST", "rollback")])
async def test_a_missing_workflow_is_not_found_even_under_a_key_that_may_not_deploy(
    system: System, generation: str, method: str, path: str
) -> None:
    key = system.tenants.issue(scopes=frozenset({Scope.READ}))
    answer = await system.send(method, f"/api/{generation}/workflows/missing/{path}", {}, key=key)
    assert answer.status == 404
    known = await system.send(method, f"/api/{generation}/workflows/W/{path}", {}, key=key)
    assert known.status == 403, "the key lacks the scope"


async def test_an_import_over_a_workflow_that_is_there_is_refused(system: System) -> None:
    answer = await send(system, "POST", "/import", {"workspaceId": "WS1", "id": "W", "workflow": STATE})
    assert answer.status == 409
    assert "Import without an id to make another." in answer.json["error"]
    reader = system.tenants.issue(scopes=frozenset({Scope.READ}))
    refused = await send(system, "POST", "/import", {"workspaceId": "WS1", "id": "W", "workflow": STATE}, key=reader)
    assert (refused.status, refused.json) == (403, {"error": "API key lacks the write scope"})
    unknown = await send(system, "POST", "/import", {"workspaceId": "WS1", "id": "nobody", "workflow": STATE})
    assert unknown.status == 201


async def test_an_invalid_number_in_a_query_is_reported_like_in_bodies(system: System) -> None:
    answer = await send(system, "GET", "?workspaceId=WS1&limit=abc")
    assert (answer.status, answer.json["error"]) == (400, "Invalid input: expected number, received string")


@pytest.mark.parametrize("path", ["/api/v1/runs/E1/redrive", "/api/v1/dead-letters/L1/redrive"])
async def test_a_redrive_returns_the_address_of_the_new_run(system: System, path: str) -> None:
    system.jobs.views["E1"] = a_view(RunStatus.FAILED)
    answer = await system.send("POST", path)
    assert (answer.status, answer.json["data"]["statusUrl"]) == (202, f"{BASE}/api/jobs/{JOB}")
