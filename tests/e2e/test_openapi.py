"""The gateway keeps to its own OpenAPI, whatever it is sent: no server error, no status that is not announced."""

import asyncio
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case
from schemathesis.core.result import Ok
from tests.e2e.keys import workspace_of_its_own
from tests.support.public_door import PublicDoor
from tests.support.workflow_files import START, function, start, workflow

from flowport.stack import Stack

CASES = 2_000 if settings().max_examples > 1_000 else 300
NOT_HERE = ("/api/auth/sign-in/email",)
"""Tries are counted by address: a flood of them would lock the other tests out."""
Operation = Any


async def a_workflow(stack: Stack) -> tuple[str, dict[str, str]]:
    """A key of a workspace apart, and what stands in the place of the parameters of paths."""
    workspace_id, key = await workspace_of_its_own(stack)
    door = PublicDoor(stack.url, key, workspace_id)
    file = workflow("Fuzzed", [start(q="string"), function("f1", "return <start.q>")], (START, "f1"))
    workflow_id = await door.publish(file)
    queued = await door.queue(workflow_id, {"q": "x"})
    await door.ended_job(queued["jobId"])
    run_id = queued["executionId"]
    agent = (await door.http.post("/api/a2a/agents", json={"workflowId": workflow_id})).raise_for_status().json()
    await door.close()
    return key, {
        "workflow_id": workflow_id,
        "workspace_id": workspace_id,
        "job_id": queued["jobId"],
        "run_id": run_id,
        "execution_id": run_id,
        "version": "1",
        "agent_id": agent["id"],
    }


def announced(operation: Operation) -> set[int]:
    """The statuses that the operation names one by one."""
    return {int(status) for status in operation.definition.raw["responses"] if status.isdigit()}


def fuzz(operation: Operation, url: str, key: str | None, known: dict[str, str], cases: int) -> list[str]:
    """What the operation answered that it should not have."""
    broken: list[str] = []
    expected = announced(operation)

    @settings(
        max_examples=cases, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(operation.as_strategy(), st.integers(0, 3))
    def one(case: Case[Any], dice: int) -> None:
        if dice:
            case.path_parameters = {
                **case.path_parameters,
                **{n: v for n, v in known.items() if n in case.path_parameters},
            }
        headers = {"x-api-key": key} if key else {}
        headers |= {"Connection": "close"}
        case.headers.pop("x-api-key", None)
        answer = case.call(base_url=url, headers=headers, timeout=20)
        if answer.status_code not in expected:
            text = answer.content[:200].decode(errors="replace")
            broken.append(f"{case.method} {case.formatted_path}: {answer.status_code} {text}")

    one()
    return broken


@pytest.mark.parametrize("with_key", [True, False])
async def test_every_answer_is_one_that_openapi_announces(stack: Stack, with_key: bool) -> None:
    key, known = await a_workflow(stack)
    async with httpx.AsyncClient(base_url=stack.url) as http:
        described = (await http.get("/openapi.json")).raise_for_status().json()
    schema = schemathesis.openapi.from_dict(described)
    found = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    operations = [operation for operation in found if operation.path not in NOT_HERE]
    cases = max(1, CASES // (2 * len(operations)))

    def all_of_them() -> list[str]:
        return [line for one in operations for line in fuzz(one, stack.url, key if with_key else None, known, cases)]

    assert await asyncio.to_thread(all_of_them) == []


async def test_no_operation_hides_its_statuses(stack: Stack) -> None:
    async with httpx.AsyncClient(base_url=stack.url) as http:
        described = (await http.get("/openapi.json")).raise_for_status().json()
    operations = {
        f"{method.upper()} {path}": operation
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }
    assert len(operations) > 60
    for name, operation in operations.items():
        statuses = set(operation["responses"])
        assert any(status.startswith("2") for status in statuses), name
        assert "503" in statuses, name
