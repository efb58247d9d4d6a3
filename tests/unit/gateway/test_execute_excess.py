"""Excess: a body, concurrent calls, runs in the queue."""

import asyncio

import pytest
from prometheus_client import REGISTRY
from tests.support.gateway.system import System, running_system
from tests.support.gateway.visitor import Visitor

from gateway.access.models import Role
from shared.errors import AtCapacity

MIB = 1024 * 1024


async def test_a_wrong_key_with_11_mib_is_401(system: System) -> None:
    headers = {"content-length": str(11 * MIB)}
    assert (await system.execute(b"x", key="wrong", headers=headers)).status == 401


async def test_a_good_key_with_11_mib_is_413_before_anything_is_read(system: System) -> None:
    system.deployments.undeployed("D")
    answer = await system.execute(b"x", workflow="D", headers={"content-length": str(11 * MIB)})
    assert answer.status == 413
    assert answer.json == {
        "error": "Workflow execution request body exceeds maximum size",
        "details": [{"path": "", "message": "Request body exceeds the maximum size of 10,485,760 bytes"}],
    }


async def test_chunks_that_add_up_to_too_much_are_413(system: System) -> None:
    headers = {"x-api-key": system.key}
    pieces = [b'{"a":"'] + [b"x" * MIB] * 11
    answer = await system.request("POST", "/api/workflows/W/execute", headers=headers, body=pieces)
    assert answer.status == 413


async def test_a_body_in_chunks_is_one_body(system: System) -> None:
    headers = {"x-api-key": system.key}
    answer = await system.request("POST", "/api/workflows/W/execute", headers=headers, body=[b'{"a"', b":1}"])
    assert answer.json["output"]["result"] == {"a": 1}


async def test_the_limit_itself_passes(system: System) -> None:
    body = b'{"a":"' + b"x" * (10 * MIB - 8) + b'"}'
    system.jobs.inline_limit = 0
    system.worker.script = lambda run: []
    call = system.execute_call(body)
    while not system.worker.runs:
        await _turn()
    await call.disconnect()
    assert len(system.jobs.blobs["blob1"]) == 10 * MIB


async def test_calls_beyond_the_admission_limit_are_429_before_the_key_is_checked() -> None:
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
        await first.disconnect()
        assert (await system.execute({}, key="wrong")).status == 401


async def test_members_at_the_console_bypass_the_admission_limit() -> None:
    async with running_system(admission_gate_max_inflight=1) as system:
        writer = await Visitor.with_role(system, Role.WRITE)
        system.worker.script = lambda run: []
        first = system.execute_call({})
        while not system.worker.runs:
            await _turn()
        second = writer.call("POST", "/api/workflows/W/execute", {})
        while len(system.worker.runs) < 2:
            await _turn()
        await first.disconnect()
        await second.disconnect()


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


@pytest.mark.parametrize(
    ("limit", "code"), [("workspace", "WORKSPACE_QUEUE_AT_CAPACITY"), ("global", "AT_CAPACITY"), (None, "AT_CAPACITY")]
)
async def test_the_workspace_of_a_full_queue_is_reported_to_operators(
    system: System, limit: str | None, code: str
) -> None:
    def refused() -> float:
        return REGISTRY.get_sample_value("flowport_gateway_refusals_total", {"code": code}) or 0.0

    before = refused()
    system.jobs.refusal = AtCapacity("full", details={"message": "full", "limit": limit})
    answer = await system.execute({}, headers={"X-Execution-Mode": "async"})
    assert answer.json.keys() == {"error", "message", "retryAfterSeconds"}, "callers read what they always read"
    assert refused() == before + 1


async def test_a_full_queue_without_measurements_sets_retry_after_to_ten_seconds(system: System) -> None:
    system.jobs.refusal = AtCapacity("workspace full")
    answer = await system.execute({}, headers={"X-Execution-Mode": "async"})
    assert answer.headers["retry-after"] == "10"
    assert answer.json == {
        "error": "Service temporarily at capacity",
        "retryAfterSeconds": 10,
        "message": "Execution queue is at capacity",
    }


async def _turn() -> None:
    await asyncio.sleep(0)
