import asyncio
import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.support.engine.building import (
    START,
    Deployed,
    Recorder,
    Scripted,
    WorkerLost,
    block,
    chain,
    document,
    engine_of,
    execution,
    fails,
)

from executor_service.blocks.workflow import WorkflowHandler
from executor_service.engine import BlockResult, Call, Limits
from shared.clock import SystemClock
from shared.contracts.events import BlockEnded
from shared.contracts.runs import CALL_CHAIN_TOO_DEEP, ErrorCode, RunStatus, Usage

CHILD = chain(block("a"), block("b"))
PARENT = chain(block("before"), block("call", "workflow_input", workflowId="child"), block("after"))


def engine(handler: Scripted, child: dict[str, Any] = CHILD, deployed: Deployed | None = None) -> Any:
    calls = WorkflowHandler(deployed or Deployed(child=child))
    return engine_of({"function": handler, "api": handler, "workflow_input": calls})


def spends(call: Call) -> BlockResult:
    call.spend(Usage(1, 1, 0.0, {"m": {"total": 2.0}}))
    return BlockResult({"result": call.block.id})


async def test_a_child_runs_within_its_parent() -> None:
    result = await execution(engine(Scripted(spends)), PARENT).run()
    assert result.outcome.status is RunStatus.COMPLETED
    (called,) = [log for log in result.blocks if log.block_id == "call"]
    assert [span["blockId"] for span in called.child_spans] == ["start", "a", "b"]
    assert result.usage.input_tokens == 4


async def test_a_child_without_a_start_begins_at_its_first_block_without_incoming_edges() -> None:
    remark, loop = block("note", "note"), block("l", "loop")
    within, off = block("in", parent="l"), block("off", enabled=False)
    child = document([remark, within, off, block("b"), block("a"), loop], [("a", "source", "b")])
    handler = Scripted(spends)
    await execution(engine(handler, child), PARENT).run()
    assert handler.runs == {"before": 1, "a": 1, "b": 1, "after": 1}


@pytest.mark.parametrize("cut", range(2, 10))
async def test_a_childs_blocks_are_journaled_like_its_parents(cut: int) -> None:
    whole = Recorder()
    undisturbed = await execution(engine(Scripted(spends)), PARENT, whole, journal=True).run()
    assert whole.kinds == ["block", "block", "pin", "child", "child", "child", "block", "block"]

    broken, first = Recorder(stop_after=min(cut, len(whole.kinds))), Scripted(spends)
    lost = execution(engine(first), PARENT, broken, journal=True)
    if cut < len(whole.kinds):
        with pytest.raises(WorkerLost):
            await lost.run()
    else:
        await lost.run()
    second = Scripted(spends)
    restored = await execution(engine(second), PARENT, Recorder(), journal=True, entries=broken.entries).run()
    assert restored.output == undisturbed.output
    assert restored.usage == undisturbed.usage
    for name in ("before", "a", "b", "after"):
        assert second.runs[name] == (0 if _is_journaled(broken, name) else 1), name


@pytest.mark.parametrize("cut", [3, 4, 5])
async def test_a_reclaimed_run_continues_with_the_version_that_it_called(cut: int) -> None:
    deployed, broken = Deployed(child=CHILD), Recorder(stop_after=cut)
    with pytest.raises(WorkerLost):
        await execution(engine(Scripted(spends), deployed=deployed), PARENT, broken, journal=True).run()
    deployed.promote("child", chain(block("other")))

    second = Scripted(spends)
    taken_over = execution(engine(second, deployed=deployed), PARENT, journal=False, entries=broken.entries)
    output = (await taken_over.run()).blocks

    (called,) = [log for log in output if log.block_id == "call"]
    assert [span["blockId"] for span in called.child_spans] == ["start", "a", "b"]


def _is_journaled(recorder: Recorder, name: str) -> bool:
    entries = [json.loads(bytes(entry)) for entry in recorder.entries]
    inner = [entry["entry"] for entry in entries if entry["type"] == "child"]
    return any(entry["log"]["blockId"] == name for entry in [*entries, *inner] if entry["type"] == "block")


async def test_an_effect_in_a_child_is_announced_too() -> None:
    child = chain(block("post", "api", url="https://x.example", method="POST"))
    recorder = Recorder()
    await execution(engine(Scripted(spends), child), PARENT, recorder, journal=True).run()
    entries = [json.loads(bytes(entry)) for entry in recorder.entries]
    inner = [entry for entry in entries if entry["type"] == "child"]
    assert [entry["entry"]["type"] for entry in inner] == ["block", "intent", "block"]


async def test_the_usage_of_a_failing_child_counts() -> None:
    def second_breaks(call: Call) -> Any:
        if call.block.id == "b":
            raise fails("kid")
        return spends(call)

    result = await execution(engine(Scripted(second_breaks)), PARENT).run()
    assert result.outcome.error is not None
    assert result.outcome.error.code is ErrorCode.CHILD_WORKFLOW_FAILED
    assert result.outcome.error.text == 'call: "Child" failed: b: kid'
    assert result.usage.input_tokens == 2


async def test_infinite_recursion_ends() -> None:
    itself = document([START, block("call", "workflow_input", workflowId="child")], [("start", "source", "call")])
    result = await execution(engine(Scripted(spends), itself), itself).run()
    assert result.outcome.error is not None
    assert result.outcome.error.message.endswith(CALL_CHAIN_TOO_DEEP)


async def test_a_secret_that_only_the_child_names_does_not_reach_its_parents_log() -> None:
    tells = Scripted(lambda call: {"result": "s3cret-value"})
    child = chain(block("a", "api", url="https://x.example/{{TOKEN}}"))
    result = await execution(engine(tells, child), PARENT, environment={"TOKEN": "s3cret-value"}).run()
    assert "s3cret-value" not in json.dumps([[log.output, log.child_spans] for log in result.blocks[2:3]])


async def test_logs_of_children_count_towards_the_log_limit() -> None:
    iterations = 20
    many = document([START, *(block(f"k{n}") for n in range(50))], [("start", "source", f"k{n}") for n in range(50)])
    loop = document(
        [
            START,
            block("l", "loop", data={"count": iterations}),
            block("call", "workflow_input", parent="l", workflowId="child"),
        ],
        [("start", "source", "l"), ("l", "loop-start-source", "call")],
    )
    calls = WorkflowHandler(Deployed(child=many))
    wordy = Scripted(lambda call: {"result": call.execution_path + "x" * 1000})
    result = await execution(engine_of({"function": wordy, "workflow_input": calls}, log_bytes=200_000), loop).run()
    called = [log for log in result.blocks if log.block_type == "workflow_input"]
    assert len(called) == iterations
    assert called[0].child_spans
    assert sum(len(json.dumps(log.child_spans)) for log in called) < 250_000


async def test_a_queued_run_does_without_a_childs_trace_where_it_does_not_fit_with_what_the_child_gave() -> None:
    wordy = Scripted(lambda call: {"result": "x" * 3000})
    small = replace(engine(wordy), limits=Limits(journal_entry_bytes=6000))
    result = await execution(small, PARENT, journal=True).run()
    assert result.outcome.status is RunStatus.COMPLETED
    (called,) = [log for log in result.blocks if log.block_id == "call"]
    assert called.child_spans == ()


async def test_an_oversized_child_trace_is_omitted_from_the_canvas_event() -> None:
    wordy, recorder = Scripted(lambda call: {"result": "x" * 3000}), Recorder()
    small = replace(engine(wordy), limits=Limits(block_event_bytes=6000))
    result = await execution(small, PARENT, recorder, include_block_events=True).run()
    ended = [json.loads(bytes(event.data)) for event in recorder.events if isinstance(event, BlockEnded)]
    assert [block["blockId"] for block in ended] == ["start", "before", "call", "after"]
    assert max(len(json.dumps(block)) for block in ended) < 6000
    (called,) = [log for log in result.blocks if log.block_id == "call"]
    assert called.child_spans


async def test_it_is_the_run_that_times_out_and_not_the_workflow_that_it_calls() -> None:
    left: dict[str, float] = {}
    clock = StoppedClock()

    def reads_the_clock(call: Call) -> Any:
        left[call.block.id] = call.remaining_seconds()
        return {}

    setting = replace(engine(Scripted(reads_the_clock)), clock=clock)
    await execution(setting, PARENT).run()
    assert left["a"] > left["before"]


class StoppedClock(SystemClock):
    def monotonic(self) -> float:
        return 1000.0


class SteppedClock(SystemClock):
    """A wall clock that a test steps."""

    def __init__(self) -> None:
        self.step = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.step


async def test_a_wall_clock_that_is_set_back_in_a_run_makes_nothing_end_before_it_began() -> None:
    clock = SteppedClock()

    def steps_the_clock(call: Call) -> Any:
        if call.block.id == "a":
            clock.step = timedelta(seconds=-30)
        return {}

    setting = replace(engine(Scripted(steps_the_clock)), clock=clock)
    result = await execution(setting, PARENT).run()
    assert result.outcome.started_at <= result.outcome.ended_at
    assert all(each.started_at <= each.ended_at for each in result.blocks)
    assert [each.started_at for each in result.blocks] == sorted(each.started_at for each in result.blocks)


async def test_usage_of_a_child_stopped_with_its_caller_counts() -> None:
    async def spends_and_stays(call: Call) -> BlockResult:
        if call.block.id == "b":
            call.spend(Usage(5, 5, 0.0))
            asyncio.get_running_loop().call_soon(run_.cancel)
            await asyncio.sleep(60)
        return spends(call)

    run_ = execution(engine(Scripted(spends_and_stays)), PARENT)
    result = await asyncio.wait_for(run_.run(), 30)
    assert result.outcome.status is RunStatus.CANCELLED
    assert result.usage.input_tokens == 7, "before the call, in its first block, and in the one that was stopped"


async def test_the_trace_of_a_child_stopped_with_its_caller_is_reported() -> None:
    async def stays(call: Call) -> BlockResult:
        if call.block.id == "deep":
            asyncio.get_running_loop().call_soon(run_.cancel)
            await asyncio.sleep(60)
        return BlockResult({"result": call.block.id})

    middle = chain(block("a"), block("inner", "workflow_input", workflowId="innermost"))
    deployed = Deployed(child=middle, innermost=chain(block("deep")))
    run_ = execution(engine(Scripted(stays), deployed=deployed), PARENT)
    result = await asyncio.wait_for(run_.run(), 30)
    (called,) = [log for log in result.blocks if log.block_id == "call"]
    spans = {span["blockId"]: (span.get("error"), span["success"]) for span in called.child_spans}
    assert spans == {"start": (None, True), "a": (None, True), "inner": ("Cancelled", False)}
    (inner,) = [span for span in called.child_spans if span["blockId"] == "inner"]
    spans = {span["blockId"]: (span.get("error"), span["success"]) for span in inner["childSpans"]}
    assert spans == {"start": (None, True), "deep": ("Cancelled", False)}
