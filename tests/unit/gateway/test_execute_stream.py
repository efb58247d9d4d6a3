"""A caller reads the run while it executes, byte for byte."""

import asyncio
from collections.abc import Sequence

import msgspec
import pytest
from structlog.testing import capture_logs
from tests.support.eventually import eventually
from tests.support.gateway.system import System, running_system
from tests.support.gateway.worker import Send, ends, outcome

from shared.contracts.events import (
    BlockStreamFailed,
    Chunk,
    ChunkReset,
    RunEnded,
    RunEvent,
    RunStarted,
    SelectedOutput,
    SelectedOutputFailed,
    Thinking,
    ToolActivity,
)
from shared.contracts.runs import ErrorCode, RunError, RunMode, RunSpec, RunStatus
from shared.errors import Unavailable

DONE = 'data: "[DONE]"\n\n'
STREAM_BODY = {"stream": True, "selectedOutputs": ["agent_1.content"]}
AGENT = [Chunk("BLOCK_Agent1", text) for text in ("Once ", "upon ", "a tim", "e.")]
AGENT_FRAMES = (
    'data: {"blockId":"BLOCK_Agent1","chunk":"Once "}\n\n'
    'data: {"blockId":"BLOCK_Agent1","chunk":"upon "}\n\n'
    'data: {"blockId":"BLOCK_Agent1","chunk":"a tim"}\n\n'
    'data: {"blockId":"BLOCK_Agent1","chunk":"e."}\n\n'
)


def value(document: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(document))


def plays(system: System, *events: RunEvent) -> None:
    """Let the worker send `events`, each in a separate batch, and then end the run."""
    batches: list[Sequence[RunEvent]] = [[event] for event in events]
    if not events or not isinstance(events[-1], RunEnded):
        batches.append([RunEnded(outcome({"full": "output"}))])
    system.worker.script = lambda run: batches


async def test_the_head(system: System) -> None:
    plays(system)
    answer = await system.execute({"stream": True}, headers={"X-Execution-Id": "E1"})
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["connection"] == "keep-alive"
    assert answer.headers["x-accel-buffering"] == "no"
    assert answer.headers["x-execution-id"] == "E1"
    assert "x-sim-stream-protocol" not in answer.headers
    assert system.worker.runs[0].mode is RunMode.STREAM


async def test_the_header_requests_a_stream_as_well(system: System) -> None:
    plays(system)
    answer = await system.execute({}, headers={"X-Stream-Response": "true"})
    assert answer.headers["content-type"] == "text/event-stream"


async def test_without_selection_only_the_final_frame_is_sent(system: System) -> None:
    system.worker.script = ends(outcome({"result": {"v": "two", "w": "three"}, "stdout": ""}))
    answer = await system.execute({"stream": True})
    assert answer.body.decode() == (
        'data: {"event":"final","data":{"success":true,"output":{"result":{"v":"two","w":"three"},"stdout":""}}}\n\n'
        + DONE
    )


async def test_tokens_come_as_chunks_and_not_again_in_the_final_frame(system: System) -> None:
    plays(system, RunStarted(), *AGENT)
    answer = await system.execute(STREAM_BODY)
    assert answer.body.decode() == (
        AGENT_FRAMES + 'data: {"event":"final","data":{"success":true,"output":{}}}\n\n' + DONE
    )


async def test_selected_fields_come_as_a_chunk_and_in_the_final_frame(system: System) -> None:
    plays(
        system,
        SelectedOutput("BLOCK_A", "result.v", value("one")),
        Chunk("BLOCK_A", "one"),
        SelectedOutput("BLOCK_B", "result", value({"v": "two", "o": {"k": 1}})),
        Chunk("BLOCK_B", '\n\n{\n  "v": "two"\n}'),
    )
    answer = await system.execute(STREAM_BODY)
    assert answer.body.decode() == (
        'data: {"blockId":"BLOCK_A","chunk":"one"}\n\n'
        'data: {"blockId":"BLOCK_B","chunk":"\\n\\n{\\n  \\"v\\": \\"two\\"\\n}"}\n\n'
        'data: {"event":"final","data":{"success":true,"output":'
        '{"BLOCK_A":{"result.v":"one"},"BLOCK_B":{"result":{"v":"two","o":{"k":1}}}}}}\n\n' + DONE
    )


async def test_the_final_frame_has_no_whole_blocks(system: System) -> None:
    plays(system, SelectedOutput("BLOCK_A", "", value({"result": 1})))
    answer = await system.execute(STREAM_BODY)
    assert answer.body.decode() == 'data: {"event":"final","data":{"success":true,"output":{}}}\n\n' + DONE


async def test_selected_values_over_16_mib_are_refused(system: System) -> None:
    big = value("x" * 5_000_000)
    plays(system, *(SelectedOutput("B", f"f{number}", big) for number in range(4)))
    answer = await system.execute(STREAM_BODY)
    assert answer.body.decode() == (
        'data: {"event":"error","blockId":"B","error":"Selected output is too large to inline; '
        'select a nested field or use pagination/preview."}\n\n' + DONE
    )


async def test_text_is_raw_utf8(system: System) -> None:
    plays(system, Chunk("B", 'Grüße, 世界 😀 "quoted"\n'))
    answer = await system.execute(STREAM_BODY)
    assert 'data: {"blockId":"B","chunk":"Grüße, 世界 😀 \\"quoted\\"\\n"}\n\n'.encode() in answer.body


async def test_a_failed_run_ends_in_an_error_frame(system: System) -> None:
    error = RunError(ErrorCode.BLOCK_EXECUTION_FAILED, "Line 1: `throw` - boom", block_name="Fn")
    plays(system, RunEnded(outcome(status=RunStatus.FAILED, error=error)))
    answer = await system.execute({"stream": True})
    assert answer.body.decode() == 'data: {"event":"error","error":"Fn: Line 1: `throw` - boom"}\n\n' + DONE


async def test_a_broken_model_stream_is_reported_before_the_end(system: System) -> None:
    error = RunError(ErrorCode.BLOCK_EXECUTION_FAILED, "terminated", block_name="Agent 1")
    plays(
        system,
        Chunk("BLOCK_Agent1", "Once"),
        BlockStreamFailed("BLOCK_Agent1", "terminated"),
        RunEnded(outcome(status=RunStatus.FAILED, error=error)),
    )
    answer = await system.execute(STREAM_BODY)
    assert answer.body.decode() == (
        'data: {"blockId":"BLOCK_Agent1","chunk":"Once"}\n\n'
        'data: {"event":"stream_error","blockId":"BLOCK_Agent1","error":"terminated"}\n\n'
        'data: {"event":"error","error":"Agent 1: terminated"}\n\n' + DONE
    )


async def test_an_unavailable_selected_output_ends_without_a_final_frame(system: System) -> None:
    plays(system, SelectedOutputFailed("B", "too large"))
    answer = await system.execute(STREAM_BODY)
    assert answer.body.decode() == 'data: {"event":"error","blockId":"B","error":"too large"}\n\n' + DONE


async def unavailable(*arguments: object) -> bytes:
    raise Unavailable("GET http://jobs:8082/internal/x: TimeoutError")


async def test_an_unavailable_output_ends_in_an_error_frame_without_internal_details(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system.jobs, "get", unavailable)
    answer = await system.execute({"stream": True})
    assert answer.body == b'data: {"event":"error","error":"Service temporarily unavailable"}\n\ndata: "[DONE]"\n\n'


async def test_a_cancelled_run_ends_without_success(system: System) -> None:
    plays(system, RunEnded(outcome({"so": "far"}, status=RunStatus.CANCELLED)))
    answer = await system.execute({"stream": True})
    assert answer.body.decode() == ('data: {"event":"final","data":{"success":false,"output":{"so":"far"}}}\n\n' + DONE)


async def test_a_paused_run_reports_its_pause(system: System) -> None:
    plays(system, RunEnded(outcome({"pause": 1}, status=RunStatus.PAUSED)))
    answer = await system.execute(STREAM_BODY)
    assert answer.body.decode() == (
        'data: {"event":"final","data":{"success":true,"output":{"pause":1},"status":"paused"}}\n\n' + DONE
    )


async def test_model_text_between_tool_calls_is_omitted_from_the_final_frame(system: System) -> None:
    segment = {
        "type": "model",
        "assistantContent": "x",
        "thinkingContent": "y",
        "tokens": {"total": 15},
        "toolCalls": [{"id": "t", "name": "n", "arguments": "secret", "result": 1}],
    }
    plays(system, RunEnded(outcome({"content": "Hi", "providerTiming": {"timeSegments": [segment]}})))
    answer = await system.execute({"stream": True})
    assert answer.body.decode() == (
        'data: {"event":"final","data":{"success":true,"output":{"content":"Hi","providerTiming":{"timeSegments":'
        '[{"type":"model","tokens":{"total":15},"toolCalls":[{"id":"t","name":"n"}]}]}}}}\n\n' + DONE
    )


class TestAgentEvents:
    EVENTS = (
        Thinking("B", "hm"),
        ToolActivity("B", "start", "t1", "search"),
        ToolActivity("B", "end", "t1", "search", "success"),
        ChunkReset("B"),
    )

    async def test_they_are_sent_on_request(self, system: System) -> None:
        plays(system, *self.EVENTS)
        body = {"stream": True, "selectedOutputs": ["a"], "includeThinking": True, "includeToolCalls": True}
        answer = await system.execute(body, headers={"X-Sim-Stream-Protocol": "agent-events-v1"})
        assert answer.headers["x-sim-stream-protocol"] == "agent-events-v1"
        assert answer.body.decode() == (
            'data: {"blockId":"B","event":"thinking","data":"hm"}\n\n'
            'data: {"blockId":"B","event":"tool","phase":"start","id":"t1","name":"search"}\n\n'
            'data: {"blockId":"B","event":"tool","phase":"end","id":"t1","name":"search","status":"success"}\n\n'
            'data: {"blockId":"B","event":"chunk_reset"}\n\n'
            'data: {"event":"final","data":{"success":true,"output":{}}}\n\n' + DONE
        )
        run = system.worker.runs[0]
        assert run.include_thinking
        assert run.include_tool_calls

    async def test_they_are_not_sent_to_others(self, system: System) -> None:
        plays(system, *self.EVENTS)
        answer = await system.execute(STREAM_BODY)
        assert answer.body.decode() == 'data: {"event":"final","data":{"success":true,"output":{}}}\n\n' + DONE


async def test_available_events_are_written_immediately(system: System) -> None:
    system.worker.script = lambda run: [AGENT, [RunEnded(outcome())]]
    answer = await system.execute(STREAM_BODY)
    assert len(answer.chunks) == 1


async def test_a_gap_in_the_stream_is_an_error_and_not_missing_text(system: System) -> None:
    async def skips(run: RunSpec, send: Send) -> None:
        await send(0, [Chunk("B", "one")])
        await send(2, [Chunk("B", "three")])

    system.worker.perform = skips
    with capture_logs() as logs:
        answer = await system.execute(STREAM_BODY, headers={"X-Execution-Id": "E1"})
    assert answer.body.decode() == (
        'data: {"blockId":"B","chunk":"one"}\n\n'
        'data: {"event":"error","error":"Part of the stream was lost"}\n\n' + DONE
    )
    assert ("run_events_missing", "E1") in [(line["event"], line.get("run_id")) for line in logs]
    await eventually(lambda: system.worker.cancelled == ["E1@WS1"])


async def test_repeated_events_of_a_worker_are_sent_once(system: System) -> None:
    async def stutters(run: RunSpec, send: Send) -> None:
        await send(0, [Chunk("B", "one")])
        await send(0, [Chunk("B", "one")])
        await send(1, [RunEnded(outcome())])

    system.worker.perform = stutters
    answer = await system.execute(STREAM_BODY)
    assert answer.body.count(b'"chunk":"one"') == 1
    assert b'"event":"final"' in answer.body


async def test_the_head_is_sent_before_the_first_event(system: System) -> None:
    go_on = asyncio.Event()

    async def waits(run: RunSpec, send: Send) -> None:
        await go_on.wait()
        await send(0, [RunEnded(outcome())])

    system.worker.perform = waits
    call = system.execute_call({"stream": True})
    await asyncio.wait_for(call.spoke.wait(), 30)
    assert call.answer.chunks == []
    go_on.set()
    assert DONE.encode() in (await call.done()).body


async def test_a_disconnect_cancels_the_run(system: System) -> None:
    async def speaks_once(run: RunSpec, send: Send) -> None:
        await send(0, [Chunk("B", "one")])

    system.worker.perform = speaks_once
    call = system.execute_call(STREAM_BODY, headers={"X-Execution-Id": "E1"})
    await eventually(lambda: bool(call.answer.chunks))
    await call.disconnect()
    await eventually(lambda: system.worker.cancelled == ["E1@WS1"])


async def test_a_run_without_a_waiting_caller_is_stopped(system: System) -> None:
    answer_in_output = asyncio.Event()

    async def goes_on(run: RunSpec, send: Send) -> None:
        await send(0, [Chunk("B", "one")])
        await answer_in_output.wait()
        for seq in range(1, 20):
            await send(seq, [Chunk("B", "more")])

    system.worker.perform = goes_on
    call = system.execute_call(STREAM_BODY, headers={"X-Execution-Id": "E1"})
    await eventually(lambda: bool(call.answer.chunks))
    await call.disconnect()
    answer_in_output.set()
    await eventually(lambda: len(system.worker.cancelled) == 2)
    assert system.worker.cancelled == ["E1@WS1", "E1@WS1"]


async def test_a_stalled_reader_is_disconnected_and_the_run_cancelled() -> None:
    async def pours(run: RunSpec, send: Send) -> None:
        for seq in range(40):
            await send(seq, [Chunk("B", "x" * 100_000)])

    async with running_system(stream_write_seconds=0.2) as system:
        system.worker.perform = pours
        call = system.execute_call(STREAM_BODY, headers={"X-Execution-Id": "E1"})
        await call.spoke.wait()
        call.reading.clear()
        await eventually(lambda: "E1@WS1" in system.worker.cancelled)
        await call.done()
        assert len(call.answer.body) <= 200_000
        assert DONE.encode() not in call.answer.body


async def test_refusals_come_before_the_stream_as_json(system: System) -> None:
    system.deployments.undeployed("W")
    answer = await system.execute({"stream": True})
    assert (answer.status, answer.json) == (403, {"error": "Workflow is not deployed"})
