"""Runs on the legacy paths: state, trace and cancel."""

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

from gateway.sim.models import CancelResult, RunState
from shared.contracts.jobs import BlockLog
from shared.contracts.payloads import Payload
from shared.contracts.runs import ErrorCode, RunError, RunStatus, Usage

ISO = "2026-11-24T12:00:00.000Z"


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
    async def test_a_run_that_was_just_answered_is_found(self, system: System, path: str) -> None:
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

    async def test_a_run_that_is_not_recorded_yet_is_not_found_in_another_workflow(self, system: System) -> None:
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
