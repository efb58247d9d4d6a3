"""Runs of members who are signed in: the draft by default, another state, from any block, and the canvas's events."""

import asyncio
import json
from typing import Any

import msgspec
import pytest
from tests.support.gateway.clock import NOON
from tests.support.gateway.followed_worker import FollowedWorker
from tests.support.gateway.jobs import a_view
from tests.support.gateway.system import Call, System
from tests.support.gateway.visitor import Visitor
from tests.support.gateway.worker import outcome
from tests.support.left_behind import without_collections

from gateway.access.models import Role
from shared.contracts.events import BlockEnded, BlockStarted, Chunk, RunEnded, RunStarted
from shared.contracts.jobs import BlockLog
from shared.contracts.messages import to_json
from shared.contracts.runs import RunMode, RunStatus, Trigger
from shared.errors import InvalidRequest

EXECUTE = "/api/workflows/W/execute"
STREAM = "/api/workflows/W/executions/R1/stream"


@pytest.fixture
async def writer(system: System) -> Visitor:
    return await Visitor.with_role(system, Role.WRITE)


def frames(body: bytes) -> list[dict[str, Any]]:
    lines = body.decode().split("\n\n")
    assert lines[-2:] == ["data: [DONE]", ""]
    return [json.loads(line.removeprefix("data: ")) for line in lines[:-2]]


def ran(block_id: str, output: Any, order: int = 1) -> BlockLog:
    return BlockLog(
        block_id=block_id,
        block_name=block_id.upper(),
        block_type="function",
        started_at=NOON,
        ended_at=NOON,
        duration_ms=1,
        success=True,
        execution_order=order,
        output=output,
    )


async def test_a_session_runs_the_draft_with_the_input_alone(system: System, writer: Visitor) -> None:
    answer = await writer.send("POST", EXECUTE, {"input": {"q": 1}, "other": 2})
    assert answer.status == 200
    assert answer.json["output"] == {"result": {"q": 1}, "stdout": ""}
    (run,) = system.worker.runs
    assert (run.snapshot.snapshot_hash, run.snapshot.version, run.trigger) == ("draft1", None, Trigger.MANUAL)
    assert (run.actor_id, run.selected_outputs) == ("u-write", ("agent.content",))
    assert not run.include_block_events


async def test_it_may_run_the_live_version(system: System, writer: Visitor) -> None:
    body = {"useDraftState": False, "triggerType": "api", "stream": True, "isClientSession": True}
    answer = await writer.send("POST", EXECUTE, body)
    assert answer.body.endswith(b'data: "[DONE]"\n\n')
    (run,) = system.worker.runs
    assert (run.snapshot.version, run.trigger, system.deployments.kept_drafts) == (1, Trigger.API, [])


async def test_it_may_run_another_state(system: System, writer: Visitor) -> None:
    state = {"blocks": {"a": {}}, "edges": []}
    assert (await writer.send("POST", EXECUTE, {"workflowStateOverride": state, "stopAfterBlockId": "a"})).status == 200
    assert system.deployments.kept_drafts == [state]
    assert system.worker.runs[0].stop_after_block_id == "a"


async def test_a_reader_runs_only_the_live_version(system: System) -> None:
    reader = await Visitor.with_role(system, Role.READ)
    refused = await reader.send("POST", EXECUTE, {})
    assert (refused.status, refused.json) == (
        403,
        {"error": "Unauthorized: Access denied to write this workflow"},
    )
    assert (await reader.send("POST", EXECUTE, {"useDraftState": False})).status == 200


async def test_a_stranger_is_refused(system: System, writer: Visitor) -> None:
    system.deployments.put("X", workspace_id="WS2")
    refused = await writer.send("POST", "/api/workflows/X/execute", {})
    assert (refused.status, refused.json) == (403, {"error": "Unauthorized: Access denied to read this workflow"})


async def test_a_run_continues_from_a_block_with_stored_outputs(system: System, writer: Visitor) -> None:
    given = {"startBlockId": "b", "sourceSnapshot": {"blockStates": {"a": {"output": {"x": 1}, "executed": True}}}}
    assert (await writer.send("POST", EXECUTE, {"runFromBlock": given})).status == 200
    run_from = system.worker.runs[0].run_from
    assert run_from is not None
    assert (run_from.block_id, msgspec.json.decode(run_from.outputs.inline)) == ("b", {"a": {"x": 1}})


@pytest.mark.parametrize("run_id", ["E1", "latest"])
async def test_a_run_continues_from_the_outputs_of_an_earlier_run(system: System, writer: Visitor, run_id: str) -> None:
    system.jobs.views["E1"] = a_view(RunStatus.COMPLETED, blocks=(ran("a", {"x": 1}),))
    body = {"runFromBlock": {"startBlockId": "b", "executionId": run_id}}
    assert (await writer.send("POST", EXECUTE, body)).status == 200
    run_from = system.worker.runs[0].run_from
    assert run_from is not None
    assert msgspec.json.decode(run_from.outputs.inline) == {"a": {"x": 1}}


async def test_a_run_continues_from_a_handled_failure(system: System, writer: Visitor) -> None:
    handled = msgspec.structs.replace(ran("a", {"error": "no"}), success=False, error="no", error_handled=True)
    failed = msgspec.structs.replace(ran("c", {"error": "no"}), success=False, error="no")
    system.jobs.views["E1"] = a_view(RunStatus.FAILED, blocks=(handled, ran("b", {"x": 1}, 2), failed))
    body = {"runFromBlock": {"startBlockId": "b", "executionId": "E1"}}
    assert (await writer.send("POST", EXECUTE, body)).status == 200
    run_from = system.worker.runs[0].run_from
    assert run_from is not None
    assert msgspec.json.decode(run_from.outputs.inline) == {"a": {"error": "no"}, "b": {"x": 1}}


FROM_E1 = [{"runFromBlock": {"startBlockId": "b", "executionId": "E1"}}, {"inputFromExecutionId": "E1"}]


@pytest.mark.parametrize("body", FROM_E1)
async def test_outputs_of_an_earlier_run_are_awaited_until_they_are_recorded(
    system: System, writer: Visitor, body: dict[str, Any]
) -> None:
    system.jobs.views["E1"] = a_view(RunStatus.PROCESSING)
    call = writer.call("POST", EXECUTE, body)
    await asyncio.sleep(0.1)
    system.jobs.views["E1"] = a_view(RunStatus.COMPLETED, blocks=(ran("a", {"x": 1}),))
    assert (await call.done()).status == 200


@pytest.mark.parametrize("body", FROM_E1)
async def test_a_run_that_still_runs_has_left_nothing_yet(
    system: System, writer: Visitor, body: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.runs.service.LOOKUP_DELAYS", (0.01,))
    system.jobs.views["E1"] = a_view(RunStatus.PROCESSING)
    refused = await writer.send("POST", EXECUTE, body)
    message = "Execution E1 has not ended yet. Retry when it has ended."
    assert (refused.status, refused.json["error"], system.worker.runs) == (400, message, [])


@pytest.mark.parametrize("body", FROM_E1)
async def test_an_output_too_large_to_log_is_refused_and_never_invented(
    system: System, writer: Visitor, body: dict[str, Any]
) -> None:
    system.jobs.views["E1"] = a_view(RunStatus.COMPLETED, blocks=(ran("a", {"truncated": True, "bytes": 40_000}),))
    refused = await writer.send("POST", EXECUTE, body)
    message = "The output of A was too large to be stored. Run the full workflow."
    assert (refused.status, refused.json["error"], system.worker.runs) == (400, message, [])


async def test_a_run_takes_the_input_of_an_earlier_one(system: System, writer: Visitor) -> None:
    system.jobs.views["E1"] = a_view(RunStatus.COMPLETED, blocks=(ran("b", {"y": 2}, 2), ran("start", {"q": "again"})))
    answer = await writer.send("POST", EXECUTE, {"inputFromExecutionId": "E1"})
    assert answer.json["output"]["result"] == {"q": "again"}
    both = await writer.send("POST", EXECUTE, {"inputFromExecutionId": "E1", "input": {"q": "mine"}})
    assert (both.status, both.json["error"]) == (400, "Provide either input or inputFromExecutionId, not both")
    system.deployments.put("V")
    for workflow, run_id in (("W", "E2"), ("V", "E1")):
        refused = await writer.send("POST", f"/api/workflows/{workflow}/execute", {"inputFromExecutionId": run_id})
        assert (refused.status, refused.json["error"]) == (404, "Source workflow execution was not found")


async def test_an_input_with_an_unstored_secret_is_refused_and_never_invented(system: System, writer: Visitor) -> None:
    system.jobs.views["E1"] = a_view(RunStatus.COMPLETED, blocks=(ran("start", {"q": [{"password": "[REDACTED]"}]}),))
    refused = await writer.send("POST", EXECUTE, {"inputFromExecutionId": "E1"})
    message = "The input of execution E1 contains secrets, which are not stored. Send the input again."
    assert (refused.status, refused.json["error"], system.worker.runs) == (400, message, [])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "runFromBlock requires either sourceSnapshot or executionId"),
        ({"executionId": "E9"}, "No execution state found for execution E9. Run the full workflow first."),
        ({"executionId": "latest"}, "No execution state found for workflow. Run the full workflow first."),
    ],
)
async def test_a_draft_that_never_ran_cannot_continue(writer: Visitor, body: dict[str, str], message: str) -> None:
    with without_collections() as remains:
        answer = await writer.send("POST", EXECUTE, {"runFromBlock": {"startBlockId": "b", **body}})
        assert (answer.status, answer.json) == (400, {"error": message})
        assert remains.of(InvalidRequest) == []


async def test_a_queued_run_of_a_session_uses_the_live_version(system: System, writer: Visitor) -> None:
    answer = await writer.send("POST", EXECUTE, {"input": {}}, X_Execution_Mode="async")
    assert answer.status == 202
    assert system.jobs.accepted[0].run.snapshot.version == 1
    refused = await writer.send("POST", EXECUTE, {"useDraftState": False}, X_Execution_Mode="async")
    assert refused.json == {"error": "Async execution does not support draft or override execution controls"}


BEGUN = {"blockId": "agent", "blockName": "Agent", "blockType": "agent", "executionOrder": 1}
ENDED = {**BEGUN, "input": {}, "output": {"content": "Hi"}, "durationMs": 5}
FAILED = BlockEnded(to_json({**ENDED, "blockId": "b", "error": "boom"}), failed=True)
AT = "2026-11-24T11:30:00.000Z"
PLAY = (RunStarted(), BlockStarted(to_json({**BEGUN, "startedAt": AT})), Chunk("agent", "H"), Chunk("agent", "i"))
REST = (BlockEnded(to_json(ENDED)), FAILED, RunEnded(outcome()))


async def begun(writer: Visitor) -> Call:
    """Start a draft run with the id R1, and return its stream."""
    call = writer.call("POST", EXECUTE, {"stream": True, "input": {}}, X_Execution_Id="R1")
    await asyncio.wait_for(call.spoke.wait(), 30)
    return call


async def test_the_canvas_receives_events_of_every_block(system: System, writer: Visitor) -> None:
    worker = FollowedWorker.of(system)
    call = await begun(writer)
    run = system.jobs.accepted[0].run
    assert (run.include_block_events, run.keep_events, run.mode) == (True, True, RunMode.STREAM)
    await worker.report(*PLAY)
    worker.ends({"content": "Hi"})
    await worker.report(*REST)
    answer = await call.done()
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["x-execution-id"] == "R1"
    seen = frames(answer.body)
    assert [(frame["type"], frame.get("eventId")) for frame in seen] == [
        ("execution:started", 1),
        ("block:started", 2),
        ("stream:chunk", None),
        ("stream:chunk", None),
        ("stream:done", None),
        ("block:completed", 3),
        ("block:error", 4),
        ("execution:completed", 5),
    ]
    assert all((frame["executionId"], frame["workflowId"]) == ("R1", "W") for frame in seen)
    assert seen[1]["data"] == BEGUN
    assert seen[5]["data"] == ENDED
    assert (seen[-1]["data"]["success"], seen[-1]["data"]["output"]) == (True, {"content": "Hi"})


async def test_a_reader_that_loses_its_connection_resumes_where_it_stopped(system: System, writer: Visitor) -> None:
    worker = FollowedWorker.of(system)
    call = await begun(writer)
    await worker.report(*PLAY)
    await call.disconnect()
    assert system.jobs.cancels == []
    worker.ends({"content": "Hi"})
    await worker.report(*REST, live=False)

    for after, kinds in (
        (0, ["execution:started", "block:started", *["stream:chunk"] * 2, "stream:done", "block:completed"]),
        (2, ["block:completed"]),
    ):
        rest = frames((await writer.send("GET", f"{STREAM}?from={after}")).body)
        assert [frame["type"] for frame in rest] == [*kinds, "block:error", "execution:completed"]
        assert [frame["eventId"] for frame in rest if "eventId" in frame] == list(range(after + 1, 6))
    assert (await writer.send("GET", f"{STREAM}?from=5")).body == b"data: [DONE]\n\n"


async def test_events_read_later_carry_their_original_time(system: System, writer: Visitor) -> None:
    worker = FollowedWorker.of(system)
    call = await begun(writer)
    later = "2026-11-24T11:30:05.000Z"
    worker.ends({"content": "Hi"})
    await worker.report(*PLAY, BlockEnded(to_json({**ENDED, "startedAt": AT, "endedAt": later})), RunEnded(outcome()))
    await call.done()
    system.clock.advance(3600)
    read = {frame["type"]: frame for frame in frames((await writer.send("GET", f"{STREAM}?from=0")).body)}
    assert read["execution:started"]["data"] == {"startTime": AT}
    assert [read[kind]["timestamp"] for kind in ("execution:started", "block:started", "block:completed")] == [
        AT,
        AT,
        later,
    ]
    assert read["execution:completed"]["timestamp"] == read["execution:completed"]["data"]["endTime"]


async def test_a_run_with_expired_events_still_has_its_end(system: System, writer: Visitor) -> None:
    FollowedWorker.of(system).ends({"content": "Hi"})
    (last,) = frames((await writer.send("GET", f"{STREAM}?from=7")).body)
    assert (last["type"], last["eventId"], last["data"]["output"]) == ("execution:completed", 8, {"content": "Hi"})


async def test_a_run_that_is_not_there_has_nothing_to_read(writer: Visitor) -> None:
    answer = await writer.send("GET", STREAM)
    assert (answer.status, answer.json) == (404, {"error": "Run buffer not found or expired"})


@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (RunStatus.CANCELLED, "execution:cancelled", {}),
        (RunStatus.FAILED, "execution:error", {"error": "Execution failed"}),
    ],
)
async def test_the_canvas_receives_the_end(
    system: System, writer: Visitor, status: RunStatus, kind: str, expected: dict[str, Any]
) -> None:
    worker = FollowedWorker.of(system)
    call = await begun(writer)
    worker.ends(status=status)
    await worker.report(RunEnded(outcome({}, status=status)))
    (last,) = frames((await call.done()).body)
    assert last["type"] == kind
    assert expected.items() <= last["data"].items()


async def test_draft_runs_are_not_counted(system: System, writer: Visitor) -> None:
    for _ in range(3):
        await writer.send("POST", EXECUTE, {})
    await writer.send("POST", EXECUTE, {"triggerType": "api"})
    counted = [bucket for bucket in system.buckets.left if bucket.endswith(":sync")]
    assert len(system.worker.runs) == 4
    assert len(counted) <= 1
