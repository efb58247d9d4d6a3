"""Calls of a workflow with strict input validation."""

from typing import Any

import msgspec
import pytest
from tests.support.gateway.system import System
from tests.support.workflow_states import start, workflow

STATE = workflow(start({"name": "message", "type": "string"}, {"name": "amount", "type": "number"}))
WRONG = {"amount": "many", "mesage": "hi"}


@pytest.fixture
def strict(system: System) -> System:
    """W takes a message and an amount, and nothing else."""
    detail = system.deployments.version_details["W", 1]
    system.deployments.version_details["W", 1] = msgspec.structs.replace(detail, state=STATE)
    known = system.deployments.endpoints["W"]
    system.deployments.endpoints["W"] = msgspec.structs.replace(known, input_validation="strict")
    return system


async def test_every_field_that_is_wrong_is_named_and_nothing_runs(strict: System) -> None:
    answer = await strict.execute(WRONG)
    assert answer.status == 400
    assert answer.json["error"] == (
        'Invalid input: amount must be a number, not "many"; '
        'mesage is not an input of this workflow. Did you mean "message"?'
    )
    assert [detail["path"] for detail in answer.json["details"]] == [["amount"], ["mesage"]]
    assert strict.worker.runs == []


@pytest.mark.parametrize(
    "body",
    [
        {"message": "hi", "amount": "4"},
        {"input": "hi", "conversationId": "c", "files": []},
        {"message": "hi", "includeThinking": False, "executionId": "0d1b2c3d-0000-4000-8000-000000000001"},
        {},
    ],
)
async def test_declared_fields_and_control_keys_pass(strict: System, body: dict[str, Any]) -> None:
    assert (await strict.execute(body)).status == 200


async def test_queued_runs_and_v2_are_checked_too(strict: System) -> None:
    queued = await strict.execute(WRONG, headers={"x-execution-mode": "async"})
    v2 = await strict.send("POST", "/api/v2/workflows/W/execute", {"input": WRONG})
    assert (queued.status, v2.status) == (400, 400)
    assert (await strict.send("POST", "/api/v2/workflows/W/execute", {"input": {"amount": 4}})).status == 200


async def test_a_chat_completion_is_not_checked(strict: System) -> None:
    body = {"model": "W", "messages": [{"role": "user", "content": "hi"}]}
    assert (await strict.send("POST", "/v1/chat/completions", body)).status == 200


async def test_without_strict_validation_anything_passes(system: System) -> None:
    assert (await system.execute(WRONG)).status == 200


async def test_the_description_of_the_workflow_agrees(strict: System) -> None:
    document = (await strict.get("/api/workflows/W/openapi.json")).json
    operation = document["paths"]["/api/workflows/W/execute"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert schema["additionalProperties"] is False
    assert {"message", "amount", "input", "conversationId", "files", "stream"} <= schema["properties"].keys()
