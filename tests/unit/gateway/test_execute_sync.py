"""A caller waits for the result."""

import re
from uuid import UUID

import msgspec
import pytest
from tests.support.gateway.system import System
from tests.support.gateway.worker import ends, outcome

from gateway.sim.models import ExecuteFailure, ExecuteResult
from shared.contracts.events import RunEnded, RunStarted
from shared.contracts.payloads import Payload
from shared.contracts.runs import ErrorCode, RunError, RunMode, RunStatus

TIMES = b'"metadata":{"duration":163,"startTime":"2026-11-24T12:00:00.000Z","endTime":"2026-11-24T12:00:00.163Z"}}'


async def test_the_result_has_the_known_shape(system: System) -> None:
    answer = await system.execute({"input": "Hello"}, headers={"X-Execution-Id": "run-1"})
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert re.fullmatch("[0-9a-f]{8}", answer.headers["x-request-id"])
    assert answer.headers["x-execution-id"] == "run-1"
    assert answer.body == (
        b'{"success":true,"executionId":"run-1","output":{"result":{"input":"Hello"},"stdout":""},' + TIMES
    )
    ExecuteResult.model_validate(answer.json)


async def test_a_run_gets_a_random_id(system: System) -> None:
    first, second = await system.execute({}), await system.execute({})
    assert first.json["executionId"] != second.json["executionId"]
    assert UUID(first.json["executionId"]).version == 4


async def test_the_worker_receives_the_run_request(system: System) -> None:
    await system.execute({"q": "x"}, headers={"X-Sim-Via": "a, b"})
    run = system.worker.runs[0]
    assert run.mode is RunMode.SYNC
    assert (run.snapshot.snapshot_hash, run.snapshot.version) == ("hash1", 1)
    assert (run.workflow_name, run.actor_id, run.caller_name) == ("Workflow W", "key0", "k0")
    assert run.call_chain == ("a", "b")
    assert run.time_limit_ms == 300_000


async def test_a_failed_run_is_500_without_an_id_in_the_body(system: System) -> None:
    error = RunError(ErrorCode.BLOCK_EXECUTION_FAILED, "Line 1: `throw` - boom", block_name="Fn")
    system.worker.script = ends(outcome(status=RunStatus.FAILED, error=error))
    answer = await system.execute({})
    assert answer.status == 500
    assert answer.body == b'{"success":false,"output":{},"error":"Fn: Line 1: `throw` - boom",' + TIMES
    ExecuteFailure.model_validate(answer.json)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RunError(ErrorCode.TIMEOUT, "Execution timed out after 1 seconds"), 408),
        (RunError(ErrorCode.BLOCK_EXECUTION_FAILED, "no field", block_name="F", http_status=400), 400),
        (RunError(ErrorCode.EXECUTION_FAILED, "later", http_status=503), 503),
        (RunError(ErrorCode.WORKER_LOST, "The worker died"), 500),
        (None, 500),
    ],
)
async def test_a_failure_chooses_its_status(system: System, error: RunError | None, status: int) -> None:
    failed = RunEnded(outcome(status=RunStatus.FAILED, error=error))
    system.worker.script = lambda run: [[RunStarted(), failed]]  # a run that no worker has begun is redispatched
    answer = await system.execute({})
    assert answer.status == status
    assert answer.json["success"] is False
    assert list(answer.json) == ["success", "output", "error", "metadata"]


async def test_a_run_cancelled_by_others_is_200_without_success(system: System) -> None:
    system.worker.script = ends(outcome({"partial": 1}, status=RunStatus.CANCELLED))
    answer = await system.execute({})
    assert answer.status == 200
    assert answer.json["success"] is False
    assert list(answer.json) == ["success", "executionId", "output", "metadata"]


async def test_a_paused_run_is_a_success_with_its_pause_as_output(system: System) -> None:
    system.worker.script = ends(outcome({"_pauseMetadata": {}}, status=RunStatus.PAUSED))
    answer = await system.execute({})
    assert (answer.status, answer.json["success"]) == (200, True)


async def test_a_large_input_is_sent_by_reference(system: System) -> None:
    system.jobs.inline_limit = 10
    system.worker.script = ends(outcome({"ok": True}))
    await system.execute({"input": "x" * 50})
    assert system.worker.runs[0].input.blob_id == "blob1"
    assert msgspec.json.decode(system.jobs.blobs["blob1"]) == {"input": "x" * 50}


async def test_a_large_output_is_fetched_back(system: System) -> None:
    system.jobs.blobs["big"] = b'{"result":"large"}'
    ended = msgspec.structs.replace(outcome(), output=Payload(blob_id="big", size=18))
    system.worker.script = lambda run: [[RunEnded(ended)]]
    assert (await system.execute({})).json["output"] == {"result": "large"}


async def test_a_version_can_be_pinned_for_one_call(system: System) -> None:
    system.deployments.put("W", version=2)
    await system.execute({}, headers={"X-Workflow-Version": "1"})
    await system.execute({})
    assert [run.snapshot.version for run in system.worker.runs] == [1, 2]
    assert [run.snapshot.snapshot_hash for run in system.worker.runs] == ["hash1", "hash2"]


class TestResponseBlock:
    async def test_a_response_block_sets_the_response(self, system: System) -> None:
        block = {"data": {"ok": True}, "status": 201, "headers": {"X-A": "1"}}
        system.worker.script = ends(outcome(block, is_response=True))
        answer = await system.execute({})
        assert (answer.status, answer.body) == (201, b'{"ok":true}')
        assert answer.headers["x-a"] == "1"
        assert answer.headers["content-type"] == "application/json"

    @pytest.mark.parametrize(("code", "status"), [("404", 404), (99, 200), ("x", 200), (None, 200), (204, 204)])
    async def test_an_invalid_status_becomes_200(self, system: System, code: object, status: int) -> None:
        system.worker.script = ends(outcome({"data": 1, "status": code}, is_response=True))
        answer = await system.execute({})
        assert answer.status == status
        assert answer.body == (b"" if status == 204 else b"1")

    async def test_a_response_block_of_a_failed_run_is_ignored(self, system: System) -> None:
        system.worker.script = ends(outcome({"data": 1}, status=RunStatus.FAILED, is_response=True))
        assert (await system.execute({})).status == 500
