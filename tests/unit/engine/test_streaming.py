import asyncio
from typing import Any

import msgspec
import pytest
from tests.support.engine.building import (
    START,
    Recorder,
    Scripted,
    block,
    chain,
    document,
    engine_of,
    execution,
    fails,
    run,
    stream_request,
)

from executor_service.blocks.human_in_the_loop import HumanInTheLoopHandler
from executor_service.engine import Call, RunState
from executor_service.engine.limits import Limits
from executor_service.engine.stream import as_chunk, without_model_text
from shared.contracts.events import (
    MAX_CHUNK,
    SELECTION_TOO_LARGE,
    BlockStreamFailed,
    Chunk,
    SelectedOutput,
    SelectedOutputFailed,
)
from shared.contracts.runs import RunStatus
from shared.workflow.format.js_values import Json, JsonObject


def agent(block_id: str, **more: Any) -> dict[str, Any]:
    return block(block_id, "agent", model="echo", **more)


async def writes(call: Call) -> dict[str, Any]:
    """Run a block: agents write two words; functions return a value."""
    if call.block.type == "agent":
        for word in ("Hello ", call.block.id):
            if call.writer is not None:
                await call.writer.write(word)
            await asyncio.sleep(0)
        return {"content": f"Hello {call.block.id}", "tokens": {"total": 2}}
    return {"result": {"v": "one", "n": [1]}, "stdout": ""}


async def events(workflow: dict[str, Any], *selected: str, script: Any = writes) -> list[Any]:
    recorder = Recorder()
    await run(script, workflow, recorder, **stream_request(*selected))
    return recorder.events


def values(events: list[Any]) -> list[tuple[str, str, Any]]:
    selected = [event for event in events if isinstance(event, SelectedOutput)]
    return [(event.block_id, event.path, msgspec.json.decode(event.value)) for event in selected]


def chunks(events: list[Any]) -> list[tuple[str, str]]:
    return [(event.block_id, event.text) for event in events if isinstance(event, Chunk)]


async def test_a_selected_agent_streams_its_text_and_nothing_else() -> None:
    found = await events(chain(agent("a")), "a.content")
    assert found == [Chunk("a", "Hello "), Chunk("a", "a")]


async def test_the_first_chunk_of_every_later_delivery_is_set_apart() -> None:
    found = await events(chain(agent("a"), block("f"), agent("b")), "a.content", "f.result.v", "b")
    assert chunks(found) == [("a", "Hello "), ("a", "a"), ("f", "\n\none"), ("b", "\n\nHello "), ("b", "b")]


async def test_concurrent_agents_interleave_distinguished_by_block() -> None:
    both = document([START, agent("a"), agent("b")], [("start", "source", "a"), ("start", "source", "b")])
    found = chunks(await events(both, "a", "b"))
    assert found == [("a", "Hello "), ("b", "\n\nHello "), ("a", "a"), ("b", "b")]


async def test_unselected_outputs_are_not_streamed() -> None:
    assert await events(chain(agent("a"), block("f")), "nobody.content") == []
    assert await events(chain(agent("a"), block("f"))) == []


async def test_a_value_comes_as_a_chunk_and_again_for_the_final_frame() -> None:
    found = await events(chain(block("f")), "f.result")
    assert values(found) == [("f", "result", {"v": "one", "n": [1]})]
    assert chunks(found) == [("f", '{\n  "v": "one",\n  "n": [\n    1\n  ]\n}')]


async def test_a_whole_block_is_its_bare_output() -> None:
    found = await events(chain(block("f")), "f")
    assert values(found) == [("f", "", {"result": {"v": "one", "n": [1]}, "stdout": ""})]


async def test_fields_beside_streamed_text_appear_in_the_final_frame() -> None:
    found = await events(chain(agent("a")), "a.content", "a.tokens")
    assert values(found) == [("a", "tokens", {"total": 2})]
    assert chunks(found) == [("a", "Hello "), ("a", "a")]


async def test_a_structured_answer_is_one_delivery_a_line_for_each_field() -> None:
    async def structured(call: Call) -> dict[str, Any]:
        return {"label": "spam", "score": {"p": 1}}

    found = await events(chain(agent("a")), "a.label", "a.score", script=structured)
    assert chunks(found) == [("a", 'spam\n{"p":1}')]
    assert values(found) == [("a", "label", "spam"), ("a", "score", {"p": 1})]


async def test_a_field_that_is_not_there_gives_nothing() -> None:
    assert await events(chain(block("f")), "f.result.nope") == []


async def test_a_path_may_lead_into_json_text() -> None:
    async def json_text(call: Call) -> dict[str, Any]:
        return {"content": '{"answer": {"n": 4}}'}

    found = await events(chain(block("f")), "f.answer.n", script=json_text)
    assert chunks(found) == [("f", "4")]


async def test_a_block_in_a_loop_is_delivered_each_round() -> None:
    loop = block("l", "loop", data={"loopType": "for", "count": 2})
    inside = document(
        [START, loop, block("f", parent="l")], [("start", "source", "l"), ("l", "loop-start-source", "f")]
    )
    assert chunks(await events(inside, "f.result.v")) == [("f", "one"), ("f", "\n\none")]


async def test_a_container_is_delivered_when_it_is_left() -> None:
    loop = block("l", "loop", data={"loopType": "for", "count": 1})
    inside = document(
        [START, loop, block("f", parent="l")], [("start", "source", "l"), ("l", "loop-start-source", "f")]
    )
    found = values(await events(inside, "l.results"))
    assert found == [("l", "results", [[{"result": {"v": "one", "n": [1]}, "stdout": ""}]])]


async def test_interrupted_text_is_sent_before_the_run_fails() -> None:
    async def breaks(call: Call) -> Any:
        assert call.writer is not None
        await call.writer.write("Once")
        raise fails("closed")

    found = await events(chain(agent("a")), "a", script=breaks)
    assert found == [Chunk("a", "Once"), BlockStreamFailed("a", "closed")]


async def test_a_failure_before_any_text_does_not_break_the_stream() -> None:
    async def breaks(call: Call) -> Any:
        raise fails("closed")

    assert await events(chain(agent("a")), "a", script=breaks) == []


async def test_an_oversized_selected_output_is_reported() -> None:
    async def large(call: Call) -> Any:
        return {"result": "x" * Limits().selected_output_bytes}

    limits_off = {"block_output_bytes": 1 << 30}
    recorder = Recorder()
    engine = engine_of({"function": Scripted(large)}, **limits_off)
    result = await execution(engine, chain(block("f")), recorder, **stream_request("f.result")).run()
    assert recorder.events == [SelectedOutputFailed("f", SELECTION_TOO_LARGE)]
    assert result.outcome.status is RunStatus.COMPLETED


async def test_a_sync_run_streams_nothing() -> None:
    recorder = Recorder()
    await run(writes, chain(agent("a")), recorder, selected_outputs=("a",))
    assert recorder.events == []


def test_streamed_outputs_lose_what_a_model_thought() -> None:
    segment: JsonObject = {
        "type": "model",
        "assistantContent": "hm",
        "thinkingContent": "hm",
        "toolCalls": [{"name": "add", "arguments": {"a": 1}, "result": 3}],
    }
    output: JsonObject = {"content": "4", "providerTiming": {"duration": 1, "timeSegments": [segment]}}
    assert without_model_text(output) == {
        "content": "4",
        "providerTiming": {"duration": 1, "timeSegments": [{"type": "model", "toolCalls": [{"name": "add"}]}]},
    }


def test_oversized_selected_loop_results_are_reported() -> None:
    timing: JsonObject = {"timeSegments": [{"type": "model", "assistantContent": "hm"}]}
    results: Json = {"results": [[{"content": "4", "providerTiming": timing}]]}
    bare = {"content": "4", "providerTiming": {"timeSegments": [{"type": "model"}]}}
    assert without_model_text(results) == {"results": [[bare]]}


def test_strings_are_streamed_raw_and_everything_else_as_json() -> None:
    values: list[Json] = ["a", 1, None, {"a": []}]
    assert [as_chunk(value) for value in values] == ["a", "1", "null", '{\n  "a": []\n}']


async def test_branches_of_a_parallel_are_sent_whole_and_separately() -> None:
    inside = document(
        [START, block("p", "parallel", data={"count": 2}), agent("a", parent="p")],
        [("start", "source", "p"), ("p", "parallel-start-source", "a")],
    )
    found = await events(inside, "a.content")
    assert found == [Chunk("a", "Hello a"), Chunk("a", "\n\nHello a")]


RETRYING = agent("a", retry={"enabled": True, "maxTries": 2, "waitBetweenTriesMs": 0})


def tries(*turns: tuple[str, bool]) -> Any:
    """Return a script: each attempt writes its text, and then succeeds or fails."""
    left = iter(turns)

    async def one(call: Call) -> Any:
        text, succeeds = next(left)
        assert call.writer is not None
        await call.writer.write(text)
        if not succeeds:
            raise fails("closed")
        return {"content": text}

    return one


async def test_text_of_a_failed_attempt_is_separated_from_the_next() -> None:
    found = await events(chain(RETRYING), "a", script=tries(("half", False), ("whole", True)))
    assert chunks(found) == [("a", "half"), ("a", "\n\nwhole")]


async def test_long_text_is_sent_in_pieces_that_fit_into_a_message() -> None:
    async def long(call: Call) -> Any:
        return {"result": "x" * (MAX_CHUNK + 1)}

    found = [text for _, text in chunks(await events(chain(block("f")), "f.result", script=long))]
    assert list(map(len, found)) == [MAX_CHUNK, 1]


async def test_a_selected_value_larger_than_a_message_is_reported() -> None:
    async def large(call: Call) -> Any:
        return {"result": "x" * Limits().selected_value_bytes}

    assert await events(chain(block("f")), "f.result", script=large) == [SelectedOutputFailed("f", SELECTION_TOO_LARGE)]


async def test_interrupted_text_is_sent_when_a_later_attempt_fails_without_text() -> None:
    found = await events(chain(RETRYING), "a", script=tries(("half", False), ("", False)))
    assert found == [Chunk("a", "half"), BlockStreamFailed("a", "closed")]


def inside(kind: str) -> dict[str, Any]:
    """Return two rounds of an agent, then a function, then another agent."""
    data = {"loopType": "for", "count": 2, "parallelType": "count", "batchSize": 1}
    return document(
        [START, block("c", kind, data=data), agent("a", parent="c"), block("f"), agent("z")],
        [
            ("start", "source", "c"),
            ("c", f"{kind}-start-source", "a"),
            ("c", f"{kind}-end-source", "f"),
            ("f", "source", "z"),
        ],
    )


SELECTED = ("a.content", "c.results", "f.result.v", "z.content")


@pytest.mark.parametrize("cut", range(8))
@pytest.mark.parametrize("kind", ["loop", "parallel"])
async def test_another_attempt_starts_with_all_sent_text(kind: str, cut: int) -> None:
    handler = Scripted(writes)
    engine, whole, again = engine_of({"function": handler, "agent": handler}), Recorder(), Recorder()
    await execution(engine, inside(kind), whole, journal=True, **stream_request(*SELECTED)).run()
    left = whole.entries[:cut]
    result = await execution(engine, inside(kind), again, entries=left, **stream_request(*SELECTED)).run()
    assert result.outcome.status is RunStatus.COMPLETED
    assert values(again.events) == values(whole.events)
    assert "".join(text for _, text in chunks(again.events)) == "".join(text for _, text in chunks(whole.events))


async def test_a_resumed_run_starts_with_all_sent_text_and_then_the_answer() -> None:
    asks: dict[str, Any] = {"inputFormat": [{"name": "ok", "type": "boolean", "value": None}]}
    workflow = chain(agent("a"), block("h", "human_in_the_loop", **asks), agent("z"))
    handler = Scripted(writes)
    engine = engine_of({"agent": handler, "human_in_the_loop": HumanInTheLoopHandler()})
    selected = stream_request("a.content", "h.ok", "z.content")
    paused = await execution(engine, workflow, Recorder(), journal=True, **selected).run()
    state = msgspec.json.decode(msgspec.json.encode(paused.state), type=RunState)
    resumed = Recorder()
    await execution(engine, workflow, resumed, state=state, resumptions={"h": {"ok": True}}, **selected).run()
    assert values(resumed.events) == [("h", "ok", True)]
    assert "".join(text for _, text in chunks(resumed.events)) == "Hello a\n\ntrue\n\nHello z"
