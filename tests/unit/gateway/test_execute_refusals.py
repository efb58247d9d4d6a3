"""Calls that are refused: with the right words, and the first reason first."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.gateway.fakes import NOON, OTHER
from tests.unit.gateway.system import System, running_system

from gateway.api.legacy.models import Refusal
from gateway.domain.credentials import Scope
from shared.errors import AtCapacity, Unavailable

MIB = 1024 * 1024
ID_CHARACTERS = "Execution ID can only contain letters, numbers, dots, underscores, colons, and hyphens"


def problem(path: str, message: str) -> dict[str, Any]:
    return {"error": "Invalid request body", "details": [{"path": path, "message": message}]}


BODIES = [
    (b"{", {"error": "Invalid JSON in request body"}),
    (b'{"a": NaN}', {"error": "Invalid JSON in request body"}),
    (b"[" * 100_000, {"error": "Invalid JSON in request body"}),
    (b'{"a":' + b"[" * 300 + b"]" * 300 + b"}", {"error": "Invalid JSON in request body"}),
    (b"[]", problem("", "Invalid input: expected object, received array")),
    (b'"text"', problem("", "Invalid input: expected object, received string")),
    (b"null", problem("", "Invalid input: expected object, received null")),
    (b"1", problem("", "Invalid input: expected object, received number")),
    (b'{"stream":"true"}', problem("stream", "Invalid input: expected boolean, received string")),
    (b'{"stream":null}', problem("stream", "Invalid input: expected boolean, received null")),
    (b'{"selectedOutputs":["a",1]}', problem("selectedOutputs.1", "Invalid input: expected string, received number")),
    (b'{"runFromBlock":{}}', problem("runFromBlock.startBlockId", "Start block ID is required")),
    (b'{"base64MaxBytes":0}', problem("base64MaxBytes", "Too small: expected number to be >0")),
    (b'{"base64MaxBytes":1.5}', problem("base64MaxBytes", "Invalid input: expected int, received number")),
    (
        b'{"workflowStateOverride":{"blocks":{}}}',
        problem("workflowStateOverride.edges", "Invalid input: expected array, received undefined"),
    ),
    (
        b'{"triggerType":"cron"}',
        problem(
            "triggerType",
            'Invalid option: expected one of "manual"|"api"|"schedule"|"chat"|"webhook"|"mcp"|"copilot"'
            '|"mothership"|"workflow"',
        ),
    ),
    (
        b'{"executionId":"a b"}',
        problem("executionId", ID_CHARACTERS),
    ),
    (
        b'{"stream":"x","selectedOutputs":"y"}',
        {
            "error": "Invalid request body",
            "details": [
                {"path": "selectedOutputs", "message": "Invalid input: expected array, received string"},
                {"path": "stream", "message": "Invalid input: expected boolean, received string"},
            ],
        },
    ),
]


@pytest.mark.parametrize(("body", "refusal"), BODIES)
async def test_a_body_out_of_order_is_400(system: System, body: bytes, refusal: dict[str, Any]) -> None:
    answer = await system.execute(body)
    assert (answer.status, answer.json) == (400, refusal)
    Refusal.model_validate(answer.json)


@pytest.mark.parametrize(
    ("headers", "refusal"),
    [
        (
            {"X-Execution-Id": "a/b"},
            {
                "error": "Invalid execution ID header",
                "details": [
                    {
                        "path": "X-Execution-Id",
                        "message": ID_CHARACTERS,
                    }
                ],
            },
        ),
        (
            {"X-Execution-Timeout-Seconds": "604801", "X-Execution-Mode": "async"},
            {
                "error": "Invalid execution timeout header",
                "details": [
                    {
                        "path": "X-Execution-Timeout-Seconds",
                        "message": "Execution timeout cannot exceed 604800 seconds",
                    }
                ],
            },
        ),
        (
            {"X-Execution-Timeout-Seconds": "abc"},
            {
                "error": "Invalid execution timeout header",
                "details": [
                    {
                        "path": "X-Execution-Timeout-Seconds",
                        "message": "Invalid input: expected number, received NaN",
                    }
                ],
            },
        ),
        (
            {"X-Execution-Timeout-Seconds": "60"},
            {"error": "X-Execution-Timeout-Seconds is supported only for async runs"},
        ),
        ({"X-Workflow-Version": "latest"}, {"error": "X-Workflow-Version must be a version number"}),
    ],
)
async def test_a_header_out_of_order_is_400(system: System, headers: dict[str, str], refusal: object) -> None:
    answer = await system.execute({}, headers=headers)
    assert (answer.status, answer.json) == (400, refusal)


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"isClientSession": True}, 400, "API key callers cannot set isClientSession"),
        (
            {"workflowStateOverride": {"blocks": {}, "edges": []}},
            400,
            "API key callers cannot provide workflowStateOverride",
        ),
        ({"useDraftState": True}, 400, "API key callers cannot execute draft workflow state"),
        (
            {"runFromBlock": {"startBlockId": "b", "sourceSnapshot": {}}},
            400,
            "API key callers cannot provide runFromBlock.sourceSnapshot",
        ),
        (
            {"runFromBlock": {"startBlockId": "b", "executionId": "latest"}},
            400,
            "External callers cannot resume from stored execution snapshots",
        ),
        (
            {"runFromBlock": {"startBlockId": "b"}},
            400,
            "runFromBlock requires either sourceSnapshot or executionId",
        ),
        ({"triggerType": "manual"}, 400, "External callers cannot override triggerType"),
        (
            {"inputFromExecutionId": "x"},
            403,
            "Stored execution input can only be reused by an authenticated session",
        ),
        (
            {"includeToolCalls": True, "stream": True},
            400,
            "includeThinking and includeToolCalls require the X-Sim-Stream-Protocol: agent-events-v1 request header, "
            "which declares that the client understands agent-event frames.",
        ),
    ],
)
async def test_a_key_cannot_ask_for_everything(system: System, body: object, status: int, message: str) -> None:
    answer = await system.execute(body)
    assert (answer.status, answer.json) == (status, {"error": message})


@pytest.mark.parametrize(
    "body",
    [
        {"useDraftState": False},
        {"runFromBlock": {"startBlockId": "b"}} | {"stopAfterBlockId": "c"},
        {"stopAfterBlockId": "c"},
        {"includeFileBase64": True},
        {"base64MaxBytes": 1},
        {"selectedOutputs": ["a"]},
    ],
)
async def test_async_takes_no_partial_controls(system: System, body: dict[str, Any]) -> None:
    answer = await system.execute(body, headers={"X-Execution-Mode": "async"})
    assert answer.status == 400
    expected = (
        "runFromBlock requires either sourceSnapshot or executionId"
        if "runFromBlock" in body
        else "Async execution does not support draft or override execution controls"
    )
    assert answer.json == {"error": expected}


@pytest.mark.parametrize("body", [{"selectedOutputs": []}, {"stream": True}, {"triggerType": "api"}])
async def test_async_lets_harmless_controls_pass(system: System, body: dict[str, Any]) -> None:
    assert (await system.execute(body, headers={"X-Execution-Mode": "async"})).status == 202


class TestCredentials:
    async def test_no_key_is_401(self, system: System) -> None:
        answer = await system.execute({}, key=None)
        assert (answer.status, answer.json) == (401, {"error": "Unauthorized"})

    async def test_no_key_tells_nothing_about_unknown_workflows(self, system: System) -> None:
        answer = await system.execute({}, key=None, workflow="nowhere")
        assert (answer.status, answer.json) == (401, {"error": "Unauthorized"})

    @pytest.mark.parametrize("key", ["wrong", "sk-sim-" + "a" * 38])
    async def test_a_wrong_key_is_401(self, system: System, key: str) -> None:
        answer = await system.execute({}, key=key)
        assert (answer.status, answer.json) == (401, {"error": "Invalid API key"})

    async def test_an_expired_key_is_401(self, system: System) -> None:
        answer = await system.execute({}, key=system.tenants.issue(expires_at=NOON - timedelta(days=1)))
        assert (answer.status, answer.json) == (401, {"error": "Invalid API key"})

    async def test_a_bearer_token_is_a_key(self, system: System) -> None:
        answer = await system.execute({}, key=None, headers={"Authorization": f"Bearer {system.key}"})
        assert answer.status == 200

    async def test_a_wrong_key_is_not_made_good_by_a_right_token(self, system: System) -> None:
        answer = await system.execute({}, key="wrong", headers={"Authorization": f"Bearer {system.key}"})
        assert answer.status == 401

    async def test_the_key_of_another_workspace_is_403(self, system: System) -> None:
        answer = await system.execute({}, key=system.tenants.issue(OTHER))
        assert (answer.status, answer.json) == (403, {"error": "API key is not authorized for this workspace"})

    async def test_a_key_needs_the_execute_scope(self, system: System) -> None:
        answer = await system.execute({}, key=system.tenants.issue(scopes=frozenset({Scope.READ})))
        assert (answer.status, answer.json) == (403, {"error": "API key lacks the execute scope"})

    async def test_the_key_store_being_away_is_503_and_not_401(self, system: System) -> None:
        system.tenants.is_down = True
        answer = await system.execute({})
        assert (answer.status, answer.json) == (503, {"error": "Service temporarily unavailable"})
        assert answer.headers["retry-after"] == "5"


class TestPublicWorkflows:
    async def test_anybody_may_call_them(self, system: System) -> None:
        system.deployments.put("P", public=True)
        answer = await system.execute({"x": 1}, workflow="P", key=None)
        assert (answer.status, answer.json["output"]["result"]) == (200, {"x": 1})
        assert system.worker.runs[0].actor_id is None

    async def test_a_wrong_key_is_still_wrong(self, system: System) -> None:
        system.deployments.put("P", public=True)
        assert (await system.execute({}, workflow="P", key="wrong")).status == 401

    async def test_undeployed_they_are_like_any_other(self, system: System) -> None:
        system.deployments.undeployed("P", public=True)
        answer = await system.execute({}, workflow="P", key=None)
        assert (answer.status, answer.json) == (401, {"error": "Unauthorized"})

    async def test_the_public_gets_no_jobs(self, system: System) -> None:
        system.deployments.put("P", public=True)
        answer = await system.execute({}, workflow="P", key=None, headers={"X-Execution-Mode": "async"})
        assert (answer.status, answer.json) == (400, {"error": "Async execution requires an API key"})

    async def test_the_public_cannot_pose_as_a_client_session(self, system: System) -> None:
        system.deployments.put("P", public=True)
        answer = await system.execute({"isClientSession": True}, workflow="P", key=None)
        assert answer.json == {"error": "Public API callers cannot set isClientSession"}

    async def test_draft_controls_of_the_public_are_ignored(self, system: System) -> None:
        system.deployments.put("P", public=True)
        body = {"useDraftState": True, "workflowStateOverride": {"blocks": {}, "edges": []}, "q": 1}
        answer = await system.execute(body, workflow="P", key=None)
        assert answer.json["output"]["result"] == {"q": 1}


class TestWorkflows:
    async def test_an_unknown_one_is_404(self, system: System) -> None:
        answer = await system.execute({}, workflow="nowhere")
        assert (answer.status, answer.json) == (404, {"error": "Workflow not found"})

    async def test_an_undeployed_one_is_403(self, system: System) -> None:
        system.deployments.undeployed("D")
        answer = await system.execute({}, workflow="D")
        assert (answer.status, answer.json) == (403, {"error": "Workflow is not deployed"})

    async def test_an_unknown_version_is_404(self, system: System) -> None:
        answer = await system.execute({}, headers={"X-Workflow-Version": "9"})
        assert (answer.status, answer.json) == (404, {"error": "Deployment version not found"})

    async def test_25_workflows_in_a_chain_are_too_many(self, system: System) -> None:
        answer = await system.execute({}, headers={"X-Sim-Via": ",".join("w" * 25)})
        assert (answer.status, answer.json) == (409, {"error": "Maximum workflow call chain depth (25) exceeded."})

    async def test_24_are_not(self, system: System) -> None:
        assert (await system.execute({}, headers={"X-Sim-Via": ",".join("w" * 24)})).status == 200


class TestExecutionIds:
    async def test_an_id_is_used_once(self, system: System) -> None:
        assert (await system.execute({}, headers={"X-Execution-Id": "E1"})).status == 200
        answer = await system.execute({}, headers={"X-Execution-Id": "E1"})
        assert answer.status == 409
        assert answer.json == {
            "error": "Execution ID has already been used",
            "code": "EXECUTION_ID_CONFLICT",
            "executionId": "E1",
        }

    async def test_the_header_beats_the_body(self, system: System) -> None:
        answer = await system.execute({"executionId": 5}, headers={"X-Execution-Id": "E1"})
        assert answer.json["executionId"] == "E1"
        assert answer.json["output"]["result"] == {"executionId": 5}

    async def test_an_id_in_the_body_names_the_run_and_stays_input(self, system: System) -> None:
        answer = await system.execute({"hello": "world", "executionId": "E1"})
        assert answer.json["executionId"] == "E1"
        assert answer.json["output"]["result"] == {"hello": "world", "executionId": "E1"}

    async def test_a_refused_call_gives_its_id_back(self, system: System) -> None:
        system.deployments.undeployed("D")
        assert (await system.execute({}, workflow="D", headers={"X-Execution-Id": "E1"})).status == 403
        assert (await system.execute({}, headers={"X-Execution-Id": "E1"})).status == 200

    async def test_without_the_store_of_ids_a_chosen_id_is_503(self, system: System) -> None:
        system.jobs.refusal = Unavailable("http://jobs is away")
        answer = await system.execute({}, headers={"X-Execution-Id": "E1"})
        assert answer.status == 503
        assert answer.json == {"error": "Workflow execution identity is temporarily unavailable"}
        assert (await system.execute({})).status == 200


class TestSizes:
    async def test_a_wrong_key_with_11_mib_is_401(self, system: System) -> None:
        headers = {"content-length": str(11 * MIB)}
        assert (await system.execute(b"x", key="wrong", headers=headers)).status == 401

    async def test_a_good_key_with_11_mib_is_413_before_anything_is_read(self, system: System) -> None:
        system.deployments.undeployed("D")
        answer = await system.execute(b"x", workflow="D", headers={"content-length": str(11 * MIB)})
        assert answer.status == 413
        assert answer.json == {"error": "Workflow execution request body exceeds maximum size"}

    async def test_chunks_that_add_up_to_too_much_are_413(self, system: System) -> None:
        headers = {"x-api-key": system.key}
        pieces = [b'{"a":"'] + [b"x" * MIB] * 11
        answer = await system.request("POST", "/api/workflows/W/execute", headers=headers, body=pieces)
        assert answer.status == 413

    async def test_a_body_in_chunks_is_one_body(self, system: System) -> None:
        headers = {"x-api-key": system.key}
        answer = await system.request("POST", "/api/workflows/W/execute", headers=headers, body=[b'{"a"', b":1}"])
        assert answer.json["output"]["result"] == {"a": 1}

    async def test_the_limit_itself_passes(self, system: System) -> None:
        body = b'{"a":"' + b"x" * (10 * MIB - 8) + b'"}'
        system.jobs.inline_limit = 0
        system.worker.script = lambda run: []
        call = system.execute_call(body)
        while not system.worker.runs:
            await _turn()
        await call.hang_up()
        assert len(system.jobs.blobs["blob1"]) == 10 * MIB


async def test_more_calls_than_the_gate_admits_are_429_before_the_key_is_looked_at() -> None:
    async with running_system(admission_gate_max_inflight=1) as system:
        system.worker.script = lambda run: []
        first = system.execute_call({})
        while not system.worker.runs:
            await _turn()
        answer = await system.execute({}, key="wrong")
        assert answer.status == 429
        assert answer.headers["retry-after"] == "5"
        assert answer.json == {
            "error": "Too many requests",
            "message": "Server is at capacity. Please retry shortly.",
            "code": "ADMISSION_GATE_CAPACITY",
            "retryable": True,
            "retryAfterSeconds": 5,
        }
        await first.hang_up()
        assert (await system.execute({}, key="wrong")).status == 401


async def test_a_full_queue_is_503_with_retry_after(system: System) -> None:
    reason = "Workspace queue is at capacity (1000/1000)"
    system.jobs.refusal = AtCapacity("workspace full", details={"message": reason}, retry_after=17)
    answer = await system.execute({}, headers={"X-Execution-Mode": "async"})
    assert answer.status == 503
    assert answer.headers["retry-after"] == "17"
    assert answer.json == {
        "error": "Service temporarily at capacity",
        "retryAfterSeconds": 17,
        "message": reason,
    }


async def test_when_nothing_is_known_a_full_queue_asks_for_ten_seconds(system: System) -> None:
    system.jobs.refusal = AtCapacity("workspace full")
    answer = await system.execute({}, headers={"X-Execution-Mode": "async"})
    assert answer.headers["retry-after"] == "10"
    assert answer.json == {
        "error": "Service temporarily at capacity",
        "retryAfterSeconds": 10,
        "message": "Execution queue is at capacity",
    }


ORDER = [
    ("the chain before the key", {"X-Sim-Via": ",".join("w" * 25)}, b"{", "wrong", "W", 409),
    ("the key before the body", {}, b"{", "wrong", "W", 401),
    ("the JSON before the headers", {"X-Execution-Id": "a b"}, b"{", "", "nowhere", 400),
    ("the schema before the headers", {"X-Execution-Id": "a b"}, b'{"stream":1}', "", "nowhere", 400),
    ("the headers before what keys may do", {"X-Execution-Id": "a b"}, b'{"useDraftState":true}', "", "nowhere", 400),
    ("what keys may do before the workflow", {}, b'{"useDraftState":true}', "", "nowhere", 400),
    ("the workflow before the id", {"X-Execution-Id": "used"}, b"{}", "", "nowhere", 404),
    ("the id before whether it is deployed", {"X-Execution-Id": "used"}, b"{}", "", "D", 409),
]


@pytest.mark.parametrize(("what", "headers", "body", "key", "workflow", "status"), ORDER, ids=[row[0] for row in ORDER])
async def test_the_order_of_checks(
    system: System, what: str, headers: dict[str, str], body: bytes, key: str, workflow: str, status: int
) -> None:
    system.deployments.undeployed("D")
    system.jobs.claimed.add(("WS1", "used"))
    answer = await system.execute(body, headers=headers, key=key, workflow=workflow)
    assert answer.status == status


async def _turn() -> None:
    await asyncio.sleep(0)
