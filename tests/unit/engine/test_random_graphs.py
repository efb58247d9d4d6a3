import asyncio
import json
from collections import Counter
from contextlib import nullcontext
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.engine.building import (
    Recorder,
    Scripted,
    WorkerLost,
    engine_of,
    execution,
    stream_request,
)
from tests.support.engine.random_graphs import Step, as_document, bodies, expected_runs
from tests.support.engine.scripts import script, summary

from executor_service.engine import Call, Execution, RunResult, RunState
from shared.contracts.events import SelectedOutput
from shared.contracts.runs import RunStatus
from shared.workflow.compile.compiler import compile_workflow


def begun(steps: list[Step], recorder: Recorder | None = None, **more: Any) -> tuple[Execution, Scripted]:
    handler = Scripted(script)
    engine = engine_of({"function": handler, "condition": handler})
    return execution(engine, compile_workflow(as_document(steps)), recorder, **more), handler


def block_events(recorder: Recorder) -> list[tuple[str, str, bytes]]:
    """Return the selected outputs that a reader received."""
    events = (event for event in recorder.events if isinstance(event, SelectedOutput))
    return [(event.block_id, event.path, bytes(event.value)) for event in events]


@given(bodies())
def test_every_run_ends_and_each_block_runs_as_often_as_specified(steps: list[Step]) -> None:
    run, handler = begun(steps)
    result = asyncio.run(run.run())
    assert result.outcome.status is RunStatus.COMPLETED
    assert handler.runs == expected_runs(steps)
    assert sorted(log.execution_order for log in result.blocks) == list(range(1, len(result.blocks) + 1))


@given(bodies(), st.data())
def test_a_journal_cut_anywhere_leads_to_the_same_end_and_repeats_no_block(
    steps: list[Step], data: st.DataObject
) -> None:
    whole, reads_along = Recorder(), stream_request(*as_document(steps)["blocks"])
    run, _ = begun(steps, whole, journal=True, **reads_along)
    undisturbed = asyncio.run(run.run())
    cut = data.draw(st.integers(0, len(whole.entries)))

    broken = Recorder(stop_after=cut)
    lost, _ = begun(steps, broken, journal=True, **reads_along)
    with pytest.raises(WorkerLost) if cut < len(whole.entries) else nullcontext():
        asyncio.run(lost.run())
    again, after = begun(steps, resumed := Recorder(), journal=True, entries=broken.entries, **reads_along)
    restored = asyncio.run(again.run())

    assert summary(restored) == summary(undisturbed)
    assert Counter(map(repr, block_events(resumed))) == Counter(map(repr, block_events(whole)))
    orders = [log.execution_order for log in restored.blocks]
    assert len(orders) == len(set(orders))
    journaled = Counter(
        entry["log"]["blockId"].partition("₍")[0].partition("__")[0]
        for entry in (json.loads(bytes(raw)) for raw in broken.entries)
        if entry["type"] == "block" and entry["log"]["blockId"] != "start"
    )
    assert after.runs == expected_runs(steps) - journaled


@given(bodies(), st.data())
def test_a_state_saved_anywhere_continues_seamlessly(steps: list[Step], data: st.DataObject) -> None:
    recorder = Recorder()
    run, _ = begun(steps, recorder, journal=True)
    states: list[bytes] = []
    recorder.on_record = lambda: states.append(msgspec.json.encode(run.state))
    undisturbed = asyncio.run(run.run())

    saved = data.draw(st.sampled_from(states))
    state = msgspec.json.decode(saved, type=RunState)
    again, _ = begun(steps, state=state)
    assert summary(asyncio.run(again.run())) == summary(undisturbed)


@given(bodies(), st.integers(0, 40))
def test_a_cancel_at_any_moment_leaves_nothing_running(steps: list[Step], moment: int) -> None:
    async def dawdle(call: Call) -> Any:
        for _ in range(moment % 4):
            await asyncio.sleep(0)
        return script(call)

    async def cancelled() -> tuple[RunResult, int]:
        handler = Scripted(dawdle)
        engine = engine_of({"function": handler, "condition": handler})
        run = execution(engine, as_document(steps))
        task = asyncio.create_task(run.run())
        for _ in range(moment):
            await asyncio.sleep(0)
        run.cancel()
        result = await task
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return result, handler.active

    result, active = asyncio.run(cancelled())
    assert active == 0
    assert result.outcome.status in (RunStatus.CANCELLED, RunStatus.COMPLETED)
