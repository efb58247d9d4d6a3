import asyncio
import json
from typing import Any

import pytest
from tests.support.engine.building import (
    START,
    Recorder,
    Scripted,
    WorkerLost,
    block,
    chain,
    document,
    engine_of,
    execution,
    fails,
    names,
    ok,
)

from executor_service.engine import BlockResult, Call, PauseRequest
from executor_service.engine.block_runner import OUTCOME_UNKNOWN
from shared.contracts.runs import ErrorCode, RunStatus, Usage

POSTS = block("call", "api", url="https://example.com", method="POST")
GETS = block("call", "api", url="https://example.com", method="GET")


def engine(handler: Scripted) -> Any:
    return engine_of(dict.fromkeys(("function", "api", "variables"), handler))


async def test_an_effect_is_announced_and_stored_before_it_starts() -> None:
    recorder = Recorder()
    at_call: list[tuple[list[str], int]] = []

    def watch(call: Call) -> dict[str, Any]:
        if call.block.id == "call":
            at_call.append((list(recorder.kinds), recorder.flushed))
        return {"data": 1}

    await execution(engine(Scripted(watch)), chain(block("f"), POSTS), recorder, journal=True).run()
    assert at_call == [(["block", "block", "intent"], 3)]
    assert recorder.kinds == ["block", "block", "intent", "block"]


async def test_repeatable_blocks_need_no_announcement() -> None:
    recorder = Recorder()
    await execution(engine(Scripted(ok)), chain(GETS), recorder, journal=True).run()
    assert "intent" not in recorder.kinds


async def lost_during(workflow: dict[str, Any]) -> Recorder:
    """Run the workflow until the worker dies during the call."""
    recorder, on_its_way = Recorder(), asyncio.Event()

    async def dies(call: Call) -> Any:
        if call.block.id == "call":
            on_its_way.set()
            await asyncio.sleep(10)
        return ok(call)

    task = asyncio.create_task(execution(engine(Scripted(dies)), workflow, recorder, journal=True).run())
    await on_its_way.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return recorder


async def test_an_effect_whose_outcome_is_not_known_is_not_repeated() -> None:
    entries = (await lost_during(chain(POSTS))).entries
    handler = Scripted(ok)
    result = await execution(engine(handler), chain(POSTS), Recorder(), journal=True, entries=entries).run()
    assert result.outcome.status is RunStatus.FAILED
    assert result.outcome.error is not None
    assert result.outcome.error.code is ErrorCode.BLOCK_OUTCOME_UNKNOWN
    assert result.outcome.error.message == OUTCOME_UNKNOWN
    assert handler.runs["call"] == 0


async def test_retries_disabled_as_text_are_disabled() -> None:
    workflow = chain(block("call", "api", url="https://example.com", method="POST", retryNonIdempotent="false"))
    entries = (await lost_during(workflow)).entries
    result = await execution(engine(Scripted(ok)), workflow, Recorder(), journal=True, entries=entries).run()
    assert result.outcome.error is not None
    assert result.outcome.error.message == OUTCOME_UNKNOWN


async def test_an_error_edge_may_handle_an_unknown_outcome() -> None:
    handled = document([START, POSTS, block("h")], [("start", "source", "call"), ("call", "error", "h")])
    entries = (await lost_during(handled)).entries
    result = await execution(engine(Scripted(ok)), handled, Recorder(), journal=True, entries=entries).run()
    assert result.output == {"result": "h"}


@pytest.mark.parametrize(
    "willing", [{"retry": {"enabled": True, "maxTries": 2, "waitBetweenTriesMs": 0}}, {"retryNonIdempotent": True}]
)
async def test_a_block_with_configured_retries_is_repeated(willing: dict[str, Any]) -> None:
    workflow = chain(block("call", "api", url="https://example.com", method="POST", **willing))
    entries = (await lost_during(workflow)).entries
    result = await execution(engine(Scripted(ok)), workflow, Recorder(), journal=True, entries=entries).run()
    assert result.output == {"result": "call"}


async def test_a_failure_that_was_journaled_is_the_failure_of_the_restored_run() -> None:
    recorder = Recorder()

    def once(call: Call) -> Any:
        raise fails("first")

    first = await execution(engine(Scripted(once)), chain(block("f")), recorder, journal=True).run()
    handler = Scripted(ok)
    again = await execution(
        engine(handler), chain(block("f")), Recorder(), journal=True, entries=recorder.entries
    ).run()
    assert again.outcome.error == first.outcome.error
    assert not handler.runs


async def test_the_journal_restores_variables_and_usage() -> None:
    workflow = chain(block("a"), block("b"))
    workflow["variables"] = {"v1": {"id": "v1", "name": "x", "type": "number", "value": 0}}

    def assigns(call: Call) -> Any:
        call.spend(Usage(1, 2, 0.5, {"m": {"input": 1.0}}))
        return BlockResult({"seen": call.variables["v1"]}, {"v1": 7})

    broken = Recorder(stop_after=2)
    with pytest.raises(WorkerLost):
        await execution(engine(Scripted(assigns)), workflow, broken, journal=True).run()
    restored = await execution(
        engine(Scripted(assigns)), workflow, Recorder(), journal=True, entries=broken.entries
    ).run()
    assert restored.output == {"seen": 7}
    assert restored.usage == Usage(2, 4, 1.0, {"m": {"input": 2.0}})


async def test_a_pause_is_answered_in_another_process() -> None:
    workflow = chain(block("ask"), block("after", code="x"))
    asks = Scripted(
        lambda call: (
            BlockResult({"ok": None}, pause=PauseRequest("human", {"data": "?"}))
            if call.block.id == "ask"
            else ok(call)
        )
    )
    recorder = Recorder()
    paused = await execution(engine(asks), workflow, recorder, journal=True).run()
    assert paused.outcome.status is RunStatus.PAUSED
    assert paused.output == {"data": "?"}
    assert recorder.flushed == len(recorder.entries) == 2
    assert [(pause.context_id, pause.kind) for pause in paused.pauses] == [("ask", "human")]

    resumed = await execution(
        engine(asks), workflow, Recorder(), journal=True, entries=recorder.entries, resumptions={"ask": {"ok": True}}
    ).run()
    assert resumed.outcome.status is RunStatus.COMPLETED
    assert resumed.output == {"result": "after"}
    assert asks.runs["ask"] == 1
    assert names(resumed) == ["start", "ask", "after"]


async def test_other_branches_finish_before_a_run_pauses() -> None:
    workflow = document(
        [START, block("ask"), block("other"), block("next")],
        [("start", "source", "ask"), ("start", "source", "other"), ("other", "source", "next")],
    )
    asks = Scripted(
        lambda call: BlockResult({}, pause=PauseRequest("human", {})) if call.block.id == "ask" else ok(call)
    )
    paused = await execution(engine(asks), workflow).run()
    assert paused.outcome.status is RunStatus.PAUSED
    assert names(paused) == ["start", "ask", "other", "next"]


async def test_several_pauses_are_listed_and_answered_one_by_one() -> None:
    workflow = document(
        [START, block("a"), block("b"), block("both")],
        [("start", "source", "a"), ("start", "source", "b"), ("a", "source", "both"), ("b", "source", "both")],
    )
    asks = Scripted(
        lambda call: (
            ok(call) if call.block.id == "both" else BlockResult({}, pause=PauseRequest("human", {"status": 200}))
        )
    )
    paused = await execution(engine(asks), workflow).run()
    assert paused.output["pauseCount"] == 2
    half = await execution(engine(asks), workflow, state=paused.state, resumptions={"b": {}}).run()
    assert half.outcome.status is RunStatus.PAUSED
    whole = await execution(engine(asks), workflow, state=half.state, resumptions={"a": {}}).run()
    assert whole.output == {"result": "both"}


async def test_entries_are_plain_json() -> None:
    recorder = Recorder()
    await execution(engine(Scripted(ok)), chain(block("f")), recorder, journal=True).run()
    entry = json.loads(bytes(recorder.entries[-1]))
    assert entry["type"] == "block"
    assert entry["output"] == {"result": "f"}
    assert "output" not in entry["log"]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"blocks": 12}, "The run exceeds the limit of 12 blocks"),
        ({"run_output_bytes": 2500}, "The outputs of this run exceed"),
    ],
)
async def test_the_bounds_of_a_run_are_those_of_all_its_attempts(limits: dict[str, int], expected: str) -> None:
    workflow = document(
        [START, block("l", "loop", data={"count": 20}), block("f", parent="l")],
        [("start", "source", "l"), ("l", "loop-start-source", "f")],
    )
    bounded = engine_of({"function": Scripted(lambda call: {"result": "x" * 200})}, **limits)
    broken = Recorder(stop_after=10)
    with pytest.raises(WorkerLost):
        await execution(bounded, workflow, broken, journal=True).run()
    again = Recorder()
    result = await execution(bounded, workflow, again, journal=True, entries=broken.entries).run()
    assert result.outcome.error is not None
    assert result.outcome.error.text.startswith(expected)
    assert len(again.entries) <= 3
