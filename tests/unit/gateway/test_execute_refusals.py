"""Refused calls have the right message, and the first reason wins."""

from typing import Any

import pytest
from tests.support.gateway.system import System

from gateway.web.routes import Refusal

ID_CHARACTERS = "Execution ID can only contain letters, numbers, dots, underscores, colons, and hyphens"


def problem(path: str, message: str) -> dict[str, Any]:
    return {"error": "Invalid request body", "details": [{"path": path, "message": message}]}


def malformed(message: str) -> dict[str, Any]:
    return {"error": "Invalid JSON in request body", "details": [{"path": "", "message": message}]}


TOO_DEEP = "Objects and arrays are nested more than 200 levels deep"
BODIES = [
    (b"{", malformed("line 1, column 2: the JSON ends here")),
    (b'{"a": NaN}', malformed("line 1, column 7: invalid character")),
    (b'{"a": 1,\n "b" 2}', malformed("line 2, column 6: expected ':'")),
    (
        '{"input":"caf\u00e9"}'.encode("latin-1"),
        {
            "error": "Invalid JSON in request body",
            "details": [{"path": "", "message": "Not UTF-8: byte 13 is not part of a valid character"}],
        },
    ),
    (b"[" * 100_000, {"error": "Invalid JSON in request body"}),
    (b'{"a":' + b"[" * 300 + b"]" * 300 + b"}", malformed(TOO_DEEP)),
    (b"[]", problem("", "Invalid input: expected object, received array")),
    (b'"text"', problem("", "Invalid input: expected object, received string")),
    (b"null", problem("", "Invalid input: expected object, received null")),
    (b"1", problem("", "Invalid input: expected object, received number")),
    (b'{"stream":"true"}', problem("stream", "Invalid input: expected boolean, received string")),
    (b'{"stream":null}', problem("stream", "Invalid input: expected boolean, received null")),
    (b'{"selectedOutputs":["a",1]}', problem("selectedOutputs.1", "Invalid input: expected string, received number")),
    (
        b'{"selectedOutputs":[%b]}' % b",".join([b'"a"'] * 1001),
        problem("selectedOutputs", "Too big: expected array to have <=1000 items"),
    ),
    (
        b'{"selectedOutputs":["a","%b"]}' % (b"." * 1001),
        problem("selectedOutputs.1", "Too big: expected string to have <=1000 characters"),
    ),
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
async def test_a_key_cannot_set_every_option(system: System, body: object, status: int, message: str) -> None:
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
async def test_async_refuses_partial_controls(system: System, body: dict[str, Any]) -> None:
    answer = await system.execute(body, headers={"X-Execution-Mode": "async"})
    assert answer.status == 400
    expected = (
        "runFromBlock requires either sourceSnapshot or executionId"
        if "runFromBlock" in body
        else "Async execution does not support draft or override execution controls"
    )
    assert answer.json == {"error": expected}


@pytest.mark.parametrize("body", [{"selectedOutputs": []}, {"stream": True}, {"triggerType": "api"}])
async def test_async_accepts_harmless_controls(system: System, body: dict[str, Any]) -> None:
    assert (await system.execute(body, headers={"X-Execution-Mode": "async"})).status == 202


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
