"""The lifecycle over v2: v1's operations in v2's format."""

from tests.support.gateway.system import System
from tests.support.gateway.tenants import OTHER

W = "/api/v2/workflows/W"


async def test_deploy_roll_back_undeploy(system: System) -> None:
    deployed = await system.send("POST", f"{W}/deploy", {"name": "Second"})
    assert (deployed.status, deployed.json["data"]["version"]) == (200, 2)
    rolled = await system.send("POST", f"{W}/rollback")
    assert rolled.json["data"]["version"] == 1
    undeployed = await system.send("DELETE", f"{W}/deploy")
    assert undeployed.json["data"] == {"id": "W", "isDeployed": False, "deployedAt": None, "warnings": []}
    again = await system.send("DELETE", f"{W}/deploy")
    assert (again.status, again.json["error"]["message"]) == (400, "Workflow is not deployed")


async def test_live_and_earlier_versions_are_listed(system: System) -> None:
    await system.send("POST", f"{W}/deploy", {"name": "Second"})
    state = (await system.get(f"{W}/deployment")).json["data"]
    assert (state["isDeployed"], state["needsRedeployment"], state["activeDeployment"]["version"]) == (True, False, 2)
    page = (await system.get(f"{W}/versions?limit=1")).json
    assert [(row["version"], row["name"]) for row in page["data"]] == [(2, "Second")]
    rest = (await system.get(f"{W}/versions?cursor={page['nextCursor']}")).json
    assert [row["version"] for row in rest["data"]] == [1]
    assert rest["nextCursor"] is None
    one = (await system.get(f"{W}/versions/1")).json["data"]
    assert (one["version"], one["state"]) == (1, {"blocks": {}, "edges": []})
    assert (await system.get(f"{W}/versions/9")).json["error"]["code"] == "NOT_FOUND"


async def test_an_exported_file_can_be_imported(system: System) -> None:
    exported = (await system.get(f"{W}/export")).json["data"]
    body = {"workspaceId": "WS1", "workflow": exported, "name": "Copy"}
    made = await system.send("POST", "/api/v2/workflows/import", body)
    assert (made.status, made.json["data"]["name"]) == (201, "Copy")
    rows = (await system.get("/api/v2/workflows?workspaceId=WS1")).json["data"]
    assert {row["name"] for row in rows} == {"Workflow W", "Copy"}


async def test_a_file_with_the_id_of_a_workflow_that_there_is_makes_no_second_one(system: System) -> None:
    body = {"workspaceId": "WS1", "workflow": {"blocks": {}, "edges": []}, "id": "W"}
    answer = await system.send("POST", "/api/v2/workflows/import", body)
    assert (answer.status, answer.json["error"]["code"]) == (409, "CONFLICT")
    rows = (await system.get("/api/v2/workflows?workspaceId=WS1")).json["data"]
    assert [row["id"] for row in rows] == ["W"]


async def test_foreign_workflows_do_not_exist(system: System) -> None:
    other = system.tenants.issue(OTHER)
    for method, path in (("POST", "deploy"), ("GET", "deployment"), ("GET", "export")):
        answer = await system.send(method, f"{W}/{path}", key=other)
        assert (answer.status, answer.json) == (
            404,
            {"error": {"code": "NOT_FOUND", "message": "Workflow not found"}},
        )
