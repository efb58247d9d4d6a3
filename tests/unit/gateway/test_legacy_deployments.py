"""Deploy, versions and drafts on the legacy paths."""

import pytest
from tests.support.gateway.clock import NOON
from tests.support.gateway.system import System
from tests.support.gateway.tenants import OTHER

from gateway.access.credentials import Scope
from shared.contracts.statistics import RunStatistics

ISO = "2026-11-24T12:00:00.000Z"
ACTIVE = {"deploymentVersionId": "W-v1", "version": 1, "deployedAt": ISO}
STATE = {"blocks": {"s": {}}, "edges": []}


class TestDeployment:
    async def test_the_status_has_the_fields_that_sdks_read(self, system: System) -> None:
        answer = await system.get("/api/workflows/W/status")
        assert answer.json == {"isDeployed": True, "deployedAt": ISO, "needsRedeployment": False}
        system.deployments.undeployed("D")
        answer = await system.get("/api/workflows/D/status")
        assert answer.json == {"isDeployed": False, "deployedAt": None, "needsRedeployment": False}

    async def test_deploy_returns_the_live_version(self, system: System) -> None:
        answer = await system.get("/api/workflows/W/deploy")
        assert answer.json == {
            "isDeployed": True,
            "deployedAt": ISO,
            "apiKey": "Workspace API keys",
            "needsRedeployment": False,
            "isPublicApi": False,
            "storeInputsAndOutputs": True,
            "inputValidation": "off",
            "recording": None,
            "activeDeployment": ACTIVE,
        }

    async def test_deploy_takes_accepted_warnings_and_ignores_other_bodies(self, system: System) -> None:
        await system.send("POST", "/api/workflows/W/deploy", {"acceptedWarnings": []})
        assert system.deployments.accepted_warnings == ()
        for body in (b"", b"{", b"[1]", b'{"deployChatEnabled": false}'):
            assert (await system.send("POST", "/api/workflows/W/deploy", raw=body)).status == 200
            assert system.deployments.accepted_warnings is None

    async def test_deploy_and_undeploy(self, system: System) -> None:
        system.deployments.undeployed("D")
        deployed = await system.send("POST", "/api/workflows/D/deploy", {"deployChatEnabled": False})
        assert deployed.json == {
            "isDeployed": True,
            "deployedAt": ISO,
            "apiKey": "Workspace API keys",
            "activeDeployment": {"deploymentVersionId": "D-v1", "version": 1, "deployedAt": ISO},
        }
        undeployed = await system.send("DELETE", "/api/workflows/D/deploy")
        assert undeployed.json == {"isDeployed": False, "deployedAt": None, "apiKey": None}
        again = await system.send("DELETE", "/api/workflows/D/deploy")
        assert again.status == 400
        assert again.json == {
            "error": "Workflow is not deployed",
            "code": "WORKFLOW_IS_NOT_DEPLOYED",
            "requestId": again.headers["x-request-id"],
        }

    @pytest.mark.parametrize("path", ["/api/workflows", "/api/v1/workflows", "/api/v2/workflows"])
    async def test_a_concurrently_changed_draft_is_not_deployed(self, system: System, path: str) -> None:
        seen = {"if-match": (await system.get("/api/workflows/W/state")).headers["etag"]}
        saved = await system.send("PUT", "/api/workflows/W/state", STATE)
        assert (await system.send("POST", f"{path}/W/deploy", headers=seen)).status == 412
        assert (await system.get("/api/workflows/W/deploy")).json["activeDeployment"]["version"] == 1
        for etag in (saved.headers["etag"], f"W/{saved.headers['etag']}"):  # as a compressing proxy sends it
            assert (await system.send("POST", f"{path}/W/deploy", headers={"if-match": etag})).status == 200
        assert (await system.send("POST", f"{path}/W/deploy", headers={"if-match": "mine"})).status == 400

    async def test_an_unchanged_draft_is_not_sent_again(self, system: System) -> None:
        first = await system.get("/api/workflows/W/state")
        headers = {"if-none-match": first.headers["etag"]}
        again = await system.send("GET", "/api/workflows/W/state", headers=headers)
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
        await system.send("PUT", "/api/workflows/W/state", STATE)
        assert (await system.send("GET", "/api/workflows/W/state", headers=headers)).json == STATE
        assert (await system.send("GET", "/api/workflows/W/state", headers={"if-none-match": '"x"'})).json == STATE

    async def test_access_can_be_opened(self, system: System) -> None:
        assert (await system.execute({}, key=None)).status == 401
        answer = await system.send("PATCH", "/api/workflows/W/deploy", {"isPublicApi": True})
        access = {"isPublicApi": True, "storeInputsAndOutputs": True, "inputValidation": "off", "recording": None}
        assert answer.json == access
        assert (await system.execute({}, key=None)).status == 200

    async def test_access_is_a_boolean(self, system: System) -> None:
        answer = await system.send("PATCH", "/api/workflows/W/deploy", {"isPublicApi": "yes"})
        assert answer.status == 400
        assert answer.json["error"] == "Validation error"
        assert answer.json["details"] == [
            {
                "expected": "boolean",
                "code": "invalid_type",
                "path": ["isPublicApi"],
                "message": "Invalid input: expected boolean, received string",
            }
        ]

    async def test_the_live_state_can_be_read(self, system: System) -> None:
        answer = await system.get("/api/workflows/W/deployed")
        assert answer.json == {"deployedState": {"blocks": {}, "edges": []}}
        assert answer.headers["cache-control"] == "no-store"
        system.deployments.undeployed("W")
        assert (await system.get("/api/workflows/W/deployed")).json == {"deployedState": None}


class TestVersions:
    async def test_they_are_listed_newest_first(self, system: System) -> None:
        system.deployments.put("W", version=2)
        answer = await system.get("/api/workflows/W/deployments")
        assert [(row["version"], row["isActive"]) for row in answer.json["versions"]] == [(2, True), (1, False)]
        assert answer.json["versions"][0] == {
            "id": "W-v2",
            "version": 2,
            "name": None,
            "description": None,
            "isActive": True,
            "createdAt": ISO,
            "createdBy": "someone",
            "deployedBy": "Some One",
        }

    async def test_one_shows_its_state(self, system: System) -> None:
        assert (await system.get("/api/workflows/W/deployments/1")).json == {
            "deployedState": {"blocks": {}, "edges": []}
        }

    async def test_texts_can_be_changed(self, system: System) -> None:
        path = "/api/workflows/W/deployments/1"
        assert (await system.send("PATCH", path, {"name": " Added memory "})).json == {
            "name": "Added memory",
            "description": None,
        }
        assert (await system.send("PATCH", path, {"description": "d"})).json == {
            "name": "Added memory",
            "description": "d",
        }
        assert (await system.send("PATCH", path, {"description": None})).json["description"] is None

    async def test_promote_makes_an_old_one_live(self, system: System) -> None:
        system.deployments.put("W", version=2)
        answer = await system.send("PATCH", "/api/workflows/W/deployments/1", {"isActive": True})
        assert answer.json == {"success": True, "deployedAt": ISO, "activeDeployment": ACTIVE}
        await system.execute({})
        assert system.worker.runs[0].snapshot.version == 1

    async def test_a_caller_without_permission_to_promote_does_not_rename(self, system: System) -> None:
        writer = system.tenants.issue(scopes=frozenset({Scope.WRITE}))
        body = {"name": "Good", "isActive": True}
        answer = await system.send("PATCH", "/api/workflows/W/deployments/1", body, key=writer)
        assert (answer.status, answer.json["error"]) == (403, "API key lacks the deploy scope")
        assert system.deployments.version_details["W", 1].version.name is None

    async def test_promote_reports_errors_of_the_version(self, system: System) -> None:
        system.deployments.warnings = ('Nothing will fire "Every Morning"',)
        answer = await system.send("PATCH", "/api/workflows/W/deployments/1", {"isActive": True})
        assert answer.json["warnings"] == ['Nothing will fire "Every Morning"']

    @pytest.mark.parametrize(
        ("version", "body", "status", "error", "code"),
        [
            (
                "1",
                {},
                400,
                "At least one of name, description, or isActive must be provided",
                "AT_LEAST_ONE_OF_NAME,_DESCRIPTION,_OR_ISACTIVE_MUST_BE_PROVIDED",
            ),
            ("1", {"isActive": False}, 400, "Invalid input: expected true", "INVALID_INPUT:_EXPECTED_TRUE"),
            ("99", {"name": "x"}, 404, "Deployment version not found", "DEPLOYMENT_VERSION_NOT_FOUND"),
            ("x", {"name": "x"}, 400, "Invalid version", "INVALID_VERSION"),
        ],
    )
    async def test_a_change_is_refused(
        self, system: System, version: str, body: object, status: int, error: str, code: str
    ) -> None:
        answer = await system.send("PATCH", f"/api/workflows/W/deployments/{version}", body)
        assert (answer.status, answer.json["error"], answer.json["code"]) == (status, error, code)

    async def test_a_version_can_be_loaded_into_the_draft(self, system: System) -> None:
        await system.send("PUT", "/api/workflows/W/state", STATE)
        answer = await system.send("POST", "/api/workflows/W/deployments/active/revert")
        assert answer.json == {
            "message": "Reverted to deployment version",
            "lastSaved": round(NOON.timestamp() * 1000),
        }
        assert system.deployments.drafts["W"].state == {"blocks": {}, "edges": []}
        assert (await system.send("POST", "/api/workflows/W/deployments/99/revert")).status == 404


class TestWorkflows:
    async def test_one_is_made_changed_and_archived(self, system: System) -> None:
        made = await system.send("POST", "/api/workflows", {"name": "Mine"})
        assert made.status == 200
        workflow_id = made.json["id"]
        changed = await system.send("PUT", f"/api/workflows/{workflow_id}", {"name": "Ours"})
        assert changed.json["name"] == "Ours"
        listed = await system.get("/api/workflows?workspaceId=WS1")
        assert [row["name"] for row in listed.json["data"]] == ["Workflow W", "Ours"]
        assert (await system.send("DELETE", f"/api/workflows/{workflow_id}")).json == {"success": True}
        assert (await system.get(f"/api/workflows/{workflow_id}/status")).status == 404

    async def test_a_list_shows_version_last_run_and_modification(self, system: System) -> None:
        system.jobs.tallied["W"] = RunStatistics("WS1", "W", 7, NOON)
        (listed,) = (await system.get("/api/workflows?workspaceId=WS1")).json["data"]
        assert (listed["liveVersion"], listed["lastRunAt"]) == (1, ISO)
        assert (await system.get("/api/workflows/modified?workspaceId=WS1")).json == {"data": []}
        await system.send("PUT", "/api/workflows/W/state", STATE)
        assert (await system.get("/api/workflows/modified?workspaceId=WS1")).json == {"data": ["W"]}

    async def test_a_draft_is_saved_and_read(self, system: System) -> None:
        saved = await system.send("PUT", "/api/workflows/W/state", STATE)
        assert saved.json == {"success": True, "warnings": []}
        assert (await system.get("/api/workflows/W/state")).json == STATE
        assert (await system.get("/api/workflows/W/status")).json["needsRedeployment"] is True

    @pytest.mark.parametrize("state", [{"edges": []}, []])
    async def test_an_invalid_draft_is_refused(self, system: System, state: object) -> None:
        answer = await system.send("PUT", "/api/workflows/W/state", state)
        assert answer.status == 400
        assert answer.json["error"].startswith("Invalid workflow")


ROUTES = [
    ("GET", "/status", Scope.READ),
    ("GET", "/deploy", Scope.READ),
    ("POST", "/deploy", Scope.DEPLOY),
    ("DELETE", "/deploy", Scope.DEPLOY),
    ("GET", "/deployed", Scope.READ),
    ("GET", "/deployments", Scope.READ),
    ("GET", "/deployments/1", Scope.READ),
    ("POST", "/deployments/1/revert", Scope.DEPLOY),
    ("GET", "/state", Scope.READ),
    ("DELETE", "", Scope.DEPLOY),
    ("GET", "/executions/E1", Scope.READ),
    ("POST", "/executions/E1/cancel", Scope.EXECUTE),
]


@pytest.mark.parametrize(("method", "path", "scope"), ROUTES)
async def test_unauthorized_callers_are_refused(system: System, method: str, path: str, scope: Scope) -> None:
    full = f"/api/workflows/W{path}"
    assert (await system.send(method, full, key=None)).json["error"] == "Unauthorized"
    assert (await system.send(method, full, key="wrong")).json["error"] == "Invalid API key"
    foreign = await system.send(method, full, key=system.tenants.issue(OTHER))
    assert (foreign.status, foreign.json["error"]) == (403, "API key is not authorized for this workspace")
    useless = system.tenants.issue(scopes=frozenset())
    assert (await system.send(method, full, key=useless)).status == 403
    unknown = await system.send(method, f"/api/workflows/nowhere{path}")
    assert (unknown.status, unknown.json["error"]) == (404, "Workflow not found")
