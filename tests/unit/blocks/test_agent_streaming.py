"""An agent streams its answer to every listener while the model writes."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from tests.support.blocks.agents import ADD, CALL, Adding, Model, RecordingSink, asks_for, run, says, stream_events
from tests.support.blocks.runs import failure
from tests.support.eventually import PATIENCE_SECONDS

from executor_service.blocks.agent.turn_listener import MAX_BUFFERED_CHARACTERS
from executor_service.engine import BlockHandler, BlockResult, Call, Inputs
from executor_service.providers import Listener, ModelFailure, ModelRequest, Turn
from executor_service.sandbox import Script, ScriptResult
from shared.contracts.events import Chunk, ChunkReset, RunEvent, Thinking, ToolActivity
from shared.contracts.runs import RunMode
from shared.errors import Unavailable


async def test_text_is_streamed_word_by_word() -> None:
    assert await stream_events(Model(says("Hello there"))) == [Chunk("a", "Hello "), Chunk("a", "there")]


async def test_without_a_listener_the_model_is_called_without_a_stream() -> None:
    assert await stream_events(Model(says("Hello")), "start.input") != []
    assert [
        event.block_id for event in await stream_events(Model(says("Hello")), "start.input") if isinstance(event, Chunk)
    ] == ["start"]


async def test_text_before_a_tool_call_is_not_streamed() -> None:
    model = Model(asks_for(CALL, text="Let me see."), says("It is 3"))
    assert await stream_events(model, tools=[ADD]) == [Chunk("a", "It "), Chunk("a", "is "), Chunk("a", "3")]


async def test_a_long_answer_is_streamed_early_although_tools_are_offered() -> None:
    long = " ".join(["word"] * 100)
    events = await stream_events(Model(says(long)), tools=[ADD])
    texts = [event.text for event in events if isinstance(event, Chunk)]
    assert "".join(texts) == long
    assert len(texts) == 100
    assert len(long) > MAX_BUFFERED_CHARACTERS


async def test_a_long_preamble_is_set_apart_from_the_answer() -> None:
    long = " ".join(["word"] * 100)
    events = await stream_events(Model(asks_for(CALL, text=long), says("3")), tools=[ADD])
    assert events[-1] == Chunk("a", "\n\n3")
    assert all(isinstance(event, Chunk) for event in events)


async def test_readers_that_support_retraction_receive_every_turn_immediately() -> None:
    model = Model(asks_for(CALL, text="Let me"), says("It is 3"))
    assert await stream_events(model, tools=[ADD], flags={"agent_events": True}) == [
        Chunk("a", "Let "),
        Chunk("a", "me"),
        ChunkReset("a"),
        Chunk("a", "It "),
        Chunk("a", "is "),
        Chunk("a", "3"),
    ]


async def test_retracted_text_leaves_the_text_of_other_blocks() -> None:
    model = Model(asks_for(CALL, text="Hm"), says("3"))
    events = await stream_events(model, "start.input", "a.content", tools=[ADD], flags={"agent_events": True})
    assert [event.text for event in events if isinstance(event, Chunk)] == ["Hi", "\n\nHm", "\n\n3"]


async def test_thoughts_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executor_service.engine.stream.MAX_THOUGHTS", 5)
    model = Model(asks_for(CALL, thinking="abc"), asks_for(CALL, thinking="def"), says("3", thinking="ghi"))
    events = await stream_events(model, tools=[ADD], flags={"agent_events": True, "include_thinking": True})
    assert [event.text for event in events if isinstance(event, Thinking)] == ["abc", "de"]


async def test_a_stopped_tool_is_reported_as_cancelled() -> None:
    class Dawdling(Adding):
        async def run(self, script: Script) -> ScriptResult:
            await asyncio.sleep(30)
            raise AssertionError

    flags = {"agent_events": True, "include_tool_calls": True, "time_limit_ms": 2_000}
    events = await stream_events(Model(asks_for(CALL)), sandbox=Dawdling(), tools=[ADD], flags=flags)
    assert [event.status for event in events if isinstance(event, ToolActivity)] == [None, "cancelled"]


async def test_an_unreportable_tool_call_stops_the_parallel_ones() -> None:
    class Lost(RecordingSink):
        async def emit(self, event: RunEvent) -> None:
            if isinstance(event, ToolActivity) and event.status == "success":
                raise Unavailable("the broker does not respond")

    class OneDawdles(Adding):
        was_stopped = asyncio.Event()

        async def run(self, script: Script) -> ScriptResult:
            if not self.scripts:
                return await super().run(script)
            try:
                await asyncio.sleep(30)
            finally:
                self.was_stopped.set()
            raise AssertionError

    sandbox = OneDawdles()
    call_options: Any = {"mode": RunMode.STREAM, "selected_outputs": ("a.content",), "include_tool_calls": True}
    model = Model(asks_for(CALL, replace(CALL, id="c2")))
    result = await run(model, sandbox=sandbox, sink=Lost(), tools=[ADD], run_request=call_options)
    assert failure(result) == "Agent 1: the broker does not respond"
    await asyncio.wait_for(sandbox.was_stopped.wait(), PATIENCE_SECONDS)


async def test_a_structured_answer_is_streamed_whole() -> None:
    events = await stream_events(Model(says('{"label": "spam"}')), "a.label", responseFormat={"type": "object"})
    assert [event.text for event in events if isinstance(event, Chunk)] == ["spam"]


async def test_thoughts_and_tool_events_are_sent_only_on_request() -> None:
    def model() -> Model:
        return Model(asks_for(CALL), says("3", thinking="hm"))

    flags = {"include_thinking": True, "include_tool_calls": True}
    events = await stream_events(model(), tools=[ADD], flags=flags)
    assert Thinking("a", "hm") in events
    assert [(event.phase, event.name, event.status) for event in events if isinstance(event, ToolActivity)] == [
        ("start", "custom_add", None),
        ("end", "custom_add", "success"),
    ]
    assert all(isinstance(event, Chunk) for event in await stream_events(model(), tools=[ADD]))


class Interrupted(Model):
    """Writes one word, checks who received it, and then fails if configured to."""

    def __init__(self, sink: RecordingSink, *turns: Turn, fails: bool = False) -> None:
        super().__init__(*turns)
        self.heard_at_once: list[RunEvent] = []
        self._sink = sink
        self._fails = fails

    async def turn(self, request: ModelRequest, listener: Listener | None = None) -> Turn:
        assert listener is not None
        await listener.text("Once ")
        self.heard_at_once = list(self._sink.events)
        if self._fails:
            raise ModelFailure("gone")
        return await super().turn(request, listener)


SELECTED: Any = {"mode": RunMode.STREAM, "selected_outputs": ("a.content",)}


async def test_an_agent_without_tools_is_streamed_immediately() -> None:
    sink = RecordingSink()
    model = Interrupted(sink, says("upon"))
    await run(model, sink=sink, run_request=SELECTED)
    assert model.heard_at_once == [Chunk("a", "Once ")]


async def test_text_before_a_model_failure_is_kept() -> None:
    sink = RecordingSink()
    result = await run(Interrupted(sink, says("upon"), fails=True), sink=sink, run_request=SELECTED)
    assert result.blocks[-1].output == {"content": "Once ", "error": "gone"}


async def test_a_failed_tool_is_reported_as_an_error() -> None:
    flags = {"include_tool_calls": True}
    events = await stream_events(Model(asks_for(replace(CALL, name="ghost")), says("sorry")), tools=[ADD], flags=flags)
    assert [event.status for event in events if isinstance(event, ToolActivity)] == [None, "error"]


async def test_the_output_of_a_tool_is_not_streamed_as_the_agents() -> None:
    class Writes(BlockHandler):
        async def run(self, call: Call, inputs: Inputs) -> BlockResult:
            if call.writer is not None:
                await call.writer.write("psst")
            return BlockResult({})

    model = Model(asks_for(replace(CALL, name="http_request", arguments='{"url": "x"}')), says("ok"))
    events = await stream_events(model, blocks={"api": Writes()}, tools=[{"type": "api"}])
    assert [event.text for event in events if isinstance(event, Chunk)] == ["ok"]
