"""The v2 API, for today's SDKs."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.support.eventually import eventually
from tests.support.gateway.clock import NOON
from tests.support.gateway.jobs import a_view
from tests.support.gateway.system import BASE, Answer, System, running_system
from tests.support.gateway.tenants import OTHER
from tests.support.gateway.worker import ends, outcome

from gateway.v2.models import CancelFacts, ErrorAnswer, QueuedRun, RunList, RunResult, RunState
from gateway.web.bodies import Data
from shared.contracts.payloads import Payload
from shared.contracts.runs import ErrorCode, RunError, RunMode, RunStatus
from shared.errors import AtCapacity, OutcomeUncertain

EXECUTE = "/api/v2/workflows/W/execute"
ISO = "2026-11-24T12:00:00.000Z"


async def execute(system: System, body: object = None, **options: Any) -> Answer:
    return await system.send("POST", EXECUTE, body, **options)


async def test_a_result_is_data(system: System) -> None:
    answer = await execute(system, {"input": {"name": "Al"}}, headers={"X-Run-Id": "R1"})
    assert answer.status == 200
    assert answer.headers["x-run-id"] == "R1"
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.json == {
        "data": {
            "runId": "R1",
            "workflowId": "W",
            "status": "completed",
            "output": {"result": {"name": "Al"}, "stdout": ""},
            "error": None,
            "startedAt": ISO,
            "endedAt": "2026-11-24T12:00:00.163Z",
            "durationMs": 163,
        }
    }
    Data[RunResult].model_validate(answer.json)


async def test_a_request_without_body_has_no_input(system: System) -> None:
    assert (await execute(system)).json["data"]["output"]["result"] == {}


async def test_a_failed_run_is_a_200_with_its_error(system: System) -> None:
    error = RunError(
        ErrorCode.BLOCK_EXECUTION_FAILED,
        "Line 1: `throw` - boom",
        block_id="b1",
        block_name="Fn",
        block_type="function",
    )
    system.worker.script = ends(outcome(status=RunStatus.FAILED, error=error))
    answer = await execute(system, {})
    assert answer.status == 200
    assert answer.json["data"]["status"] == "failed"
    assert answer.json["data"]["error"] == {
        "message": "Line 1: `throw` - boom",
        "code": "BLOCK_EXECUTION_FAILED",
        "blockId": "b1",
        "blockName": "Fn",
        "blockType": "function",
    }
    Data[RunResult].model_validate(answer.json)


async def test_a_response_block_changes_nothing(system: System) -> None:
    system.worker.script = ends(outcome({"data": {"ok": True}, "status": 201, "headers": {}}, is_response=True))
    answer = await execute(system, {})
    assert (answer.status, answer.json["data"]["output"]["status"]) == (200, 201)


async def test_async_returns_202_with_a_location(system: System) -> None:
    answer = await execute(system, {"async": True, "executionTimeoutSeconds": 60, "input": {}})
    assert answer.status == 202
    run_id = answer.json["data"]["runId"]
    assert answer.json == {"data": {"runId": run_id, "statusUrl": f"{BASE}/api/v2/workflows/W/runs/{run_id}"}}
    assert answer.headers["x-run-id"] == run_id
    Data[QueuedRun].model_validate(answer.json)
    run = system.jobs.accepted[0].run
    assert (run.mode, run.time_limit_ms) == (RunMode.ASYNC, 60_000)


async def test_false_switches_have_no_effect(system: System) -> None:
    body = {"async": False, "stream": False, "selectedOutputs": [], "input": {"a": 1}}
    assert (await execute(system, body)).json["data"]["output"]["result"] == {"a": 1}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"surprise": 1}, 'Unrecognized key: "surprise"'),
        ({"is_async": True}, 'Unrecognized key: "is_async"'),
        ({"selected_outputs": ["a"]}, 'Unrecognized key: "selected_outputs"'),
        ({"surprise": 1, "stream": False, "more": 2}, 'Unrecognized keys: "surprise", "more"'),
        ({"input": "text"}, "Invalid input: expected record, received string"),
        ({"input": None}, "Invalid input: expected record, received null"),
        ({"stream": "true"}, "Invalid input: expected boolean, received string"),
        ({"async": True, "stream": True}, "async and stream cannot be combined"),
        ({"executionTimeoutSeconds": 5}, "executionTimeoutSeconds is supported only for async execution"),
        (
            {"async": True, "executionTimeoutSeconds": 604801},
            "Too big: expected number to be <=604800",
        ),
        (
            {"async": True, "selectedOutputs": ["a"]},
            "Async execution does not support streaming or output-shaping options",
        ),
        (
            {"async": True, "includeFileBase64": False},
            "Async execution does not support streaming or output-shaping options",
        ),
        ({"includeThinking": True}, "includeThinking and includeToolCalls require stream: true"),
        ([], "Invalid input: expected object, received array"),
    ],
)
async def test_a_body_out_of_order_is_400(system: System, body: object, message: str) -> None:
    answer = await execute(system, body)
    assert answer.status == 400
    assert answer.json["error"]["code"] == "BAD_REQUEST"
    assert answer.json["error"]["message"] == message
    ErrorAnswer.model_validate(answer.json)


async def test_a_version_can_be_pinned_in_the_body_or_by_the_header(system: System) -> None:
    system.deployments.put("W", version=2)
    await execute(system, {"deploymentVersion": 1})
    await execute(system, {"deploymentVersion": 1}, headers={"X-Workflow-Version": "1"})
    await execute(system)
    assert [run.snapshot.version for run in system.worker.runs] == [1, 1, 2]
    refused = await execute(system, {"deploymentVersion": 1}, headers={"X-Workflow-Version": "2"})
    message = "X-Workflow-Version and deploymentVersion name different versions"
    assert (refused.status, refused.json["error"]["message"]) == (400, message)


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        (EXECUTE, {"deploymentVersion": 1}, {}),
        (EXECUTE, {}, {"X-Workflow-Version": "1"}),
        ("/api/workflows/W/execute", {}, {"X-Workflow-Version": "1"}),
    ],
)
async def test_public_callers_run_only_the_live_version(
    system: System, path: str, body: object, headers: dict[str, str]
) -> None:
    system.deployments.put("W", version=2, public=True)
    refused = await system.send("POST", path, body, key=None, headers=headers)
    assert refused.status == 400
    assert b"Running another version than the live one requires an API key" in refused.body
    assert system.worker.runs == []


async def test_details_name_the_field(system: System) -> None:
    assert (await execute(system, {"surprise": 1})).json["error"]["details"] == [
        {
            "code": "unrecognized_keys",
            "keys": ["surprise"],
            "path": [],
            "message": 'Unrecognized key: "surprise"',
        }
    ]
    assert (await execute(system, {"input": "x"})).json["error"]["details"] == [
        {
            "expected": "record",
            "code": "invalid_type",
            "path": ["input"],
            "message": "Invalid input: expected record, received string",
        }
    ]


async def test_malformed_json_is_400(system: System) -> None:
    answer = await execute(system, raw=b"{")
    details = [{"path": "", "message": "line 1, column 2: the JSON ends here"}]
    error = {"code": "BAD_REQUEST", "message": "Request body must be valid JSON", "details": details}
    assert answer.json == {"error": error}


@pytest.mark.parametrize(("key", "message"), [(None, "API key required"), ("wrong", "Invalid API key")])
async def test_a_key_is_needed(system: System, key: str | None, message: str) -> None:
    for method, path in (("POST", EXECUTE), ("GET", "/api/v2/workflows/W/runs")):
        answer = await system.send(method, path, key=key)
        assert answer.status == 401
        assert answer.json == {"error": {"code": "UNAUTHORIZED", "message": message}}
        assert answer.headers["www-authenticate"] == 'SimApiKey realm="Sim API", header="x-api-key"'


async def test_workflows_of_others_do_not_exist(system: System) -> None:
    other = system.tenants.issue(OTHER)
    for method, path in (
        ("POST", EXECUTE),
        ("GET", "/api/v2/workflows/W/runs"),
        ("GET", "/api/v2/workflows/W/runs/E1"),
    ):
        answer = await system.send(method, path, key=other)
        assert (answer.status, answer.json) == (
            404,
            {"error": {"code": "NOT_FOUND", "message": "Workflow not found"}},
        )


async def test_a_used_id_is_409(system: System) -> None:
    await execute(system, headers={"X-Run-Id": "R1"})
    answer = await execute(system, headers={"X-Run-Id": "R1"})
    assert answer.status == 409
    assert answer.headers["x-run-id"] == "R1"
    assert answer.json == {
        "error": {
            "code": "CONFLICT",
            "message": "Run ID has already been used",
            "details": {"code": "RUN_ID_CONFLICT", "runId": "R1"},
        }
    }


async def test_a_chain_too_deep_is_409(system: System) -> None:
    answer = await execute(system, headers={"X-Sim-Via": ",".join("w" * 25)})
    assert (answer.status, answer.json["error"]["details"]) == (409, {"code": "CALL_CHAIN_DEPTH_EXCEEDED"})


async def test_a_bad_id_is_400(system: System) -> None:
    answer = await execute(system, headers={"X-Run-Id": "a b"})
    assert (answer.status, answer.json["error"]["message"]) == (400, "Invalid run ID header")


async def test_an_undeployed_workflow_is_403(system: System) -> None:
    system.deployments.undeployed("W")
    answer = await execute(system)
    assert answer.json == {"error": {"code": "FORBIDDEN", "message": "Workflow is not deployed"}}


async def test_a_full_queue_is_503(system: System) -> None:
    system.jobs.refusal = AtCapacity("full", retry_after=12)
    answer = await execute(system, {"async": True})
    assert (answer.status, answer.headers["retry-after"]) == (503, "12")
    assert answer.json["error"]["code"] == "SERVICE_UNAVAILABLE"


@pytest.mark.parametrize("way", ["async", "stream"])
async def test_a_run_that_may_have_been_stored_is_named(system: System, way: str) -> None:
    system.jobs.lost_answer = OutcomeUncertain()
    answer = await execute(system, {way: True})
    run_id = system.jobs.accepted[0].run.run_id
    assert (answer.status, "retry-after" in answer.headers) == (503, False)
    assert answer.headers["x-run-id"] == run_id
    assert answer.json["error"] == {
        "code": "SERVICE_UNAVAILABLE",
        "message": "Async execution queue acceptance could not be confirmed",
        "details": {"code": "ASYNC_ENQUEUE_AMBIGUOUS", "runId": run_id},
    }


async def test_the_key_is_checked_before_the_admission_limit() -> None:
    async with running_system(admission_gate_max_inflight=1) as system:
        system.worker.script = lambda run: []
        call = system.execute_call({})
        await eventually(lambda: system.worker.runs)
        assert (await execute(system, key="wrong")).status == 401
        answer = await execute(system)
        assert (answer.status, answer.headers["retry-after"]) == (429, "5")
        assert answer.json == {
            "error": {"code": "RATE_LIMITED", "message": "Server is at capacity. Please retry shortly."}
        }
        await call.disconnect()


async def test_public_callers_may_call_public_workflows(system: System) -> None:
    system.deployments.put("W", public=True)
    assert (await execute(system, {"input": {"a": 1}}, key=None)).status == 200
    answer = await execute(system, {"async": True}, key=None)
    assert answer.json["error"]["message"] == "Async execution requires an API key"


class TestRuns:
    async def test_a_run_shows_its_state(self, system: System) -> None:
        system.jobs.views["E1"] = a_view(
            RunStatus.COMPLETED,
            started_at=NOON,
            ended_at=NOON + timedelta(seconds=2),
            duration_ms=2011.4,
            output=Payload(inline=msgspec.Raw(b'{"status":"completed"}'), size=22),
        )
        answer = await system.get("/api/v2/workflows/W/runs/E1?includeOutput=true")
        assert answer.headers["cache-control"] == "private, no-store"
        assert answer.json == {
            "data": {
                "runId": "E1",
                "workflowId": "W",
                "status": "completed",
                "trigger": "api",
                "startedAt": ISO,
                "endedAt": "2026-11-24T12:00:02.000Z",
                "durationMs": 2011,
                "paused": None,
                "cost": {"total": 0.0},
                "error": None,
                "output": {"status": "completed"},
                "blockOutputs": None,
            }
        }
        Data[RunState].model_validate(answer.json)

    async def test_runs_are_paginated(self, system: System) -> None:
        system.jobs.views |= {name: a_view(RunStatus.QUEUED, run_id=name) for name in ("E1", "E2")}
        answer = await system.get("/api/v2/workflows/W/runs?limit=1")
        assert [run["runId"] for run in answer.json["data"]] == ["E1"]
        assert answer.json["nextCursor"] == "1"
        RunList.model_validate(answer.json)
        rest = await system.get("/api/v2/workflows/W/runs?limit=1&cursor=1")
        assert ([run["runId"] for run in rest.json["data"]], rest.json["nextCursor"]) == (["E2"], None)

    async def test_a_limit_out_of_bounds_is_400(self, system: System) -> None:
        answer = await system.get("/api/v2/workflows/W/runs?limit=1000")
        assert (answer.status, answer.json["error"]["code"]) == (400, "BAD_REQUEST")

    async def test_cancel(self, system: System) -> None:
        system.jobs.views["E1"] = a_view(RunStatus.PROCESSING)
        answer = await system.send("POST", "/api/v2/workflows/W/runs/E1/cancel")
        assert answer.json == {
            "data": {
                "success": True,
                "runId": "E1",
                "redisAvailable": True,
                "durablyRecorded": True,
                "locallyAborted": False,
                "pausedCancelled": False,
                "reason": "recorded",
            }
        }
        Data[CancelFacts].model_validate(answer.json)

    @pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", "/cancel")])
    async def test_an_unknown_run_is_404(self, system: System, method: str, path: str) -> None:
        answer = await system.send(method, f"/api/v2/workflows/W/runs/E9{path}")
        assert answer.json == {"error": {"code": "NOT_FOUND", "message": "Run not found"}}
