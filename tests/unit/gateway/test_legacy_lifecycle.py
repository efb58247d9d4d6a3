"""Deploy, versions, drafts and runs on the legacy paths."""

import asyncio
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from tests.support.eventually import eventually
from tests.support.gateway.clock import NOON
from tests.support.gateway.jobs import a_view
from tests.support.gateway.system import System
from tests.support.gateway.tenants import OTHER

from gateway.access.domain.credentials import Scope
from gateway.wire.legacy.models import CancelResult, RunState
from shared.contracts.jobs import BlockLog
from shared.contracts.payloads import Payload
from shared.contracts.runs import ErrorCode, RunError, RunStatus, Usage
from shared.contracts.statistics import RunStatistics

ISO = "2026-11-24T12:00:00.000Z"
ACTIVE = {"deploymentVersionId": "W-v1", "version": 1, "deployedAt": ISO}
STATE = {"blocks": {"s": {}}, "edges": []}


class TestDeployment:
    async def test_status_is_what_the_sdks_read(self, system: System) -> None:
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


class TestRuns:
    async def test_a_run_shows_its_state(self, system: System) -> None:
        block = BlockLog(
            block_id="b1",
            block_name="Fn",
            block_type="function",
            started_at=NOON,
            ended_at=NOON,
            duration_ms=1,
            success=True,
            execution_order=1,
            output={"result": 7},
        )
        system.jobs.views["E1"] = a_view(
            RunStatus.COMPLETED,
            started_at=NOON,
            ended_at=NOON + timedelta(seconds=1),
            duration_ms=38.2,
            output=Payload(inline=msgspec.Raw(b'{"result":1}'), size=12),
            usage=Usage(cost_usd=0.005),
            blocks=(block,),
        )
        plain = await system.get("/api/workflows/W/executions/E1")
        assert plain.json == {
            "executionId": "E1",
            "workflowId": "W",
            "status": "completed",
            "trigger": "api",
            "level": "info",
            "startedAt": ISO,
            "endedAt": "2026-11-24T12:00:01.000Z",
            "totalDurationMs": 38,
            "paused": None,
            "cost": {"total": 0.005},
            "error": None,
            "finalOutput": None,
            "blockOutputs": None,
        }
        RunState.model_validate(plain.json)
        full = await system.get("/api/workflows/W/executions/E1?includeOutput=true&selectedOutputs=b1,none")
        assert full.json["finalOutput"] == {"result": 1}
        assert full.json["blockOutputs"] == {"b1": {"result": 7}}

    async def test_a_block_of_a_loop_or_a_parallel_is_found_by_its_own_name_and_id(self, system: System) -> None:
        def ran(order: int, **place: Any) -> BlockLog:
            times: dict[str, Any] = {"started_at": NOON, "ended_at": NOON, "duration_ms": 1.0, "success": True}
            return BlockLog(block_type="function", execution_order=order, output={"result": order}, **times, **place)

        logs = (
            ran(1, block_id="b1", block_name="Fn (iteration 0)", loop_id="l", iteration_index=0),
            ran(2, block_id="b1", block_name="Fn (iteration 1)", loop_id="l", iteration_index=1),
            ran(3, block_id="b2₍0₎", block_name="Branch (iteration 0)", parallel_id="p", iteration_index=0),
        )
        system.jobs.views["E1"] = a_view(RunStatus.COMPLETED, blocks=logs)
        for fn, branch in (("Fn", "Branch"), ("b1", "b2"), ("Fn (iteration 1)", "b2₍0₎")):
            answer = await system.get(f"/api/workflows/W/executions/E1?selectedOutputs={quote(f'{fn},{branch}')}")
            assert answer.json["blockOutputs"] == {fn: {"result": 2}, branch: {"result": 3}}

    async def test_a_running_run_is_running(self, system: System) -> None:
        system.jobs.views["E1"] = a_view(RunStatus.PROCESSING, started_at=NOON)
        answer = await system.get("/api/workflows/W/executions/E1")
        assert (answer.json["status"], answer.json["cost"], answer.json["endedAt"]) == ("running", None, None)

    async def test_a_failed_run_has_a_reason(self, system: System) -> None:
        error = RunError(ErrorCode.BLOCK_EXECUTION_FAILED, "boom", block_name="Fn")
        system.jobs.views["E1"] = a_view(RunStatus.FAILED, error=error)
        answer = await system.get("/api/workflows/W/executions/E1")
        assert (answer.json["level"], answer.json["error"]) == ("error", "Fn: boom")

    @pytest.mark.parametrize(
        ("status", "reason", "recorded"),
        [
            (RunStatus.PROCESSING, "recorded", True),
            (RunStatus.QUEUED, "queue_cancelled", True),
            (RunStatus.CANCELLED, "already_cancelled", False),
        ],
    )
    async def test_cancel(self, system: System, status: RunStatus, reason: str, recorded: bool) -> None:
        system.jobs.views["E1"] = a_view(status)
        answer = await system.send("POST", "/api/workflows/W/executions/E1/cancel")
        assert answer.json == {
            "success": True,
            "executionId": "E1",
            "redisAvailable": True,
            "durablyRecorded": recorded,
            "locallyAborted": False,
            "pausedCancelled": False,
            "reason": reason,
        }
        CancelResult.model_validate(answer.json)

    async def test_a_run_that_is_over_is_409(self, system: System) -> None:
        system.jobs.views["E1"] = a_view(RunStatus.COMPLETED)
        answer = await system.send("POST", "/api/workflows/W/executions/E1/cancel")
        assert (answer.status, answer.json) == (409, {"error": "Execution cannot be cancelled while completed"})

    @pytest.mark.parametrize("method", ["GET", "POST"])
    async def test_an_unknown_run_is_404(self, system: System, method: str) -> None:
        system.jobs.views["E2"] = a_view(RunStatus.QUEUED, run_id="E2", workflow_id="other")
        for run_id in ("E1", "E2"):
            path = f"/api/workflows/W/executions/{run_id}{'/cancel' if method == 'POST' else ''}"
            answer = await system.send(method, path)
            assert (answer.status, answer.json) == (404, {"error": "Execution not found"})

    @pytest.mark.parametrize("path", ["/api/workflows/W/executions/E1", "/api/v2/workflows/W/runs/E1"])
    async def test_a_cancel_of_an_unknown_run_does_not_apply_to_a_later_one(self, system: System, path: str) -> None:
        system.jobs.shows_accepted = True
        assert (await system.send("POST", f"{path}/cancel")).status == 404
        begun = await system.execute({}, headers={"X-Execution-Mode": "async", "X-Execution-Id": "E1"})
        assert begun.status == 202
        assert system.jobs.views["E1"].status is RunStatus.QUEUED

    @pytest.mark.parametrize(
        "path", ["/api/workflows/W/executions/E1", "/api/v2/workflows/W/runs/E1", "/api/v1/logs/E1"]
    )
    async def test_a_run_that_was_answered_a_moment_ago_is_found(self, system: System, path: str) -> None:
        call = system.call("GET", path, headers={"x-api-key": system.key})
        await asyncio.sleep(0.1)
        assert not call.task.done()
        system.jobs.views["E1"] = a_view(RunStatus.COMPLETED)
        assert (await call.done()).status == 200

    async def test_a_run_that_was_over_before_it_was_recorded_is_409(self, system: System) -> None:
        def record() -> None:
            system.jobs.views["E1"] = a_view(RunStatus.COMPLETED)

        asyncio.get_running_loop().call_later(0.1, record)
        answer = await system.send("POST", "/api/workflows/W/executions/E1/cancel")
        assert (answer.status, answer.json) == (409, {"error": "Execution cannot be cancelled while completed"})

    async def test_a_run_that_was_not_recorded_yet_can_be_cancelled_where_it_is_waited_for(
        self, system: System
    ) -> None:
        system.worker.script = lambda run: []
        call = system.execute_call({}, headers={"X-Execution-Id": "E1"})
        await eventually(lambda: system.worker.runs)
        answer = await system.send("POST", "/api/workflows/W/executions/E1/cancel")
        assert (answer.status, answer.json["reason"]) == (200, "recorded")
        assert system.jobs.cancels == ["E1"]
        await call.disconnect()

    async def test_a_run_that_was_not_recorded_yet_is_no_run_of_another_workflow(self, system: System) -> None:
        system.worker.script = lambda run: []
        system.deployments.put("V")
        call = system.execute_call({}, headers={"X-Execution-Id": "E1"})
        await eventually(lambda: system.worker.runs)
        answer = await system.send("POST", "/api/workflows/V/executions/E1/cancel")
        assert (answer.status, answer.json) == (404, {"error": "Execution not found"})
        await call.disconnect()

    async def test_a_run_that_ends_during_its_cancel_is_found(self, system: System) -> None:
        system.worker.script = lambda run: []
        call = system.execute_call({}, headers={"X-Execution-Id": "E1"})
        await eventually(lambda: system.worker.runs)
        system.jobs.while_cancelling = lambda run_id: call.disconnect()
        answer = await system.send("POST", "/api/workflows/W/executions/E1/cancel")
        assert (answer.status, answer.json["reason"]) == (200, "recorded")
