"""A called workflow may pause, and its caller pauses with it; each answer reaches its block, despite lost workers."""

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from tests.support.engine.building import (
    START,
    Deployed,
    Document,
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

from executor_service.blocks.human_in_the_loop import HumanInTheLoopHandler
from executor_service.blocks.response import ResponseHandler
from executor_service.blocks.wait import WaitHandler
from executor_service.blocks.workflow import WorkflowHandler
from executor_service.engine import BlockResult, Call, Engine, Execution, Pause, RunResult, RunState
from shared.contracts.runs import RunStatus, Usage

Edge = tuple[str, str | None, str]
FORM = [{"name": "ok", "type": "boolean", "value": None}]


def asks(block_id: str, parent: str | None = None) -> Document:
    return block(block_id, "human_in_the_loop", parent=parent, inputFormat=FORM)


def waits(block_id: str) -> Document:
    settings: dict[str, Any] = {"async": True, "timeValue": "1", "timeUnitLong": "days"}
    return block(block_id, "wait", **settings)


def calls(block_id: str, workflow_id: str, parent: str | None = None) -> Document:
    return block(block_id, "workflow_input", parent=parent, workflowId=workflow_id)


def inside(kind: str, *body: Document) -> Document:
    """Return two rounds of a container around a chain of blocks, then `after`."""
    data = {"loopType": "for", "count": 2, "parallelType": "count"}
    edges: list[Edge] = [(a["id"], "source", b["id"]) for a, b in itertools.pairwise(body)]
    around: list[Edge] = [
        ("start", "source", "c"),
        ("c", f"{kind}-start-source", body[0]["id"]),
        ("c", f"{kind}-end-source", "z"),
    ]
    return document([START, block("c", kind, data=data), *body, block("z", code="<c.results>")], [*around, *edges])


def side_by_side(*blocks: Document) -> Document:
    """Return parallel blocks, and one that joins them."""
    edges: list[Edge] = [
        edge for each in blocks for edge in (("start", "source", each["id"]), (each["id"], "source", "z"))
    ]
    return document([START, *blocks, block("z")], edges)


ASKING = chain(block("a"), asks("h"), block("b"))
CHILDREN = {
    "asking": ASKING,
    "middle": chain(block("m1"), calls("inner", "asking"), block("m2")),
    "twice": side_by_side(asks("h1"), asks("h2")),
    "looping": inside("loop", asks("h", "c"), block("b", parent="c")),
    "waiting": chain(waits("w"), block("b")),
}
PARENTS = {
    "one": (chain(block("x"), calls("call", "asking"), block("z")), ["call.h"]),
    "two deep": (chain(calls("call", "middle"), block("z")), ["call.inner.h"]),
    "two in one child": (chain(calls("call", "twice")), ["call.h1", "call.h2"]),
    "a loop in the child": (chain(calls("call", "looping")), ["call.h_loop0", "call.h_loop1"]),
    "two children at once": (side_by_side(calls("k", "asking"), calls("l", "middle")), ["k.h", "l.inner.h"]),
    "a child and its caller": (side_by_side(calls("k", "asking"), asks("h")), ["h", "k.h"]),
    "one after the other": (chain(calls("k", "asking"), calls("l", "asking")), ["k.h", "l.h"]),
    "in a loop": (inside("loop", calls("call", "asking", "c")), ["call_loop0.h", "call_loop1.h"]),
    "in a parallel": (inside("parallel", calls("call", "middle", "c")), ["call₍0₎.inner.h", "call₍1₎.inner.h"]),
    "until a moment": (chain(calls("call", "waiting"), block("z")), ["call.w"]),
}
shapes = pytest.mark.parametrize("shape", PARENTS)


def spends(call: Call) -> BlockResult:
    call.spend(Usage(1, 0, 0.0, {}))
    return BlockResult({"result": call.block.id})


@dataclass
class Story:
    """A run from its start through all of its pauses. One attempt loses its worker after `lost_after` entries."""

    parent: Document
    is_durable: bool
    deployed: Deployed = field(default_factory=lambda: Deployed(**CHILDREN))
    script: Callable[[Call], Any] = spends
    choose: Callable[[Sequence[Pause]], Sequence[Pause]] = lambda pauses: pauses
    lost_in: int = -1
    lost_after: int = 0
    taken: list[str] = field(default_factory=list)
    results: list[RunResult] = field(default_factory=list)
    entries: list[msgspec.Raw] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.handler = Scripted(self.script)
        self._state: RunState | None = None

    async def run_to_end(self) -> RunResult:
        """Return the end of the run."""
        result = await self.begun()
        while result.outcome.status is RunStatus.PAUSED:
            answered = self.choose(result.pauses)
            self.taken += [pause.context_id for pause in answered]
            result = await self._attempt({pause.context_id: {"ok": pause.context_id} for pause in answered})
        return result

    async def begun(self) -> RunResult:
        """Return its first end or pause."""
        return await self._attempt({})

    async def _attempt(self, answers: Mapping[str, Any]) -> RunResult:
        is_stored = self._is_stored
        if self.lost_in == len(self.results) and is_stored:
            recorder = Recorder(stop_after=self.lost_after)
            try:
                await self.prepared(recorder, answers).run()
            except WorkerLost:
                self.entries += recorder.entries
        recorder = Recorder()
        result = await self.prepared(recorder, answers).run()
        self.entries += recorder.entries
        self.results.append(result)
        if not is_stored and result.state is not None:
            self._state = as_stored(result.state)
        return result

    def prepared(self, recorder: Recorder, answers: Mapping[str, Any]) -> Execution:
        """Return the input of the next worker."""
        state = None if self._state is None else as_stored(self._state)
        return execution(
            self._engine(),
            self.parent,
            recorder,
            journal=self._is_stored,
            entries=list(self.entries),
            state=state,
            resumptions=answers,
            public_url="https://flowport.example",
        )

    @property
    def _is_stored(self) -> bool:
        """Return whether the run is durable: an attached run becomes durable with its first pause."""
        return self.is_durable or bool(self.results)

    def _engine(self) -> Engine:
        handlers = {
            "function": self.handler,
            "workflow_input": WorkflowHandler(self.deployed),
            "human_in_the_loop": HumanInTheLoopHandler(),
            "wait": WaitHandler(),
            "response": ResponseHandler(),
        }
        return engine_of(handlers)


def as_stored(state: RunState) -> RunState:
    return msgspec.json.decode(msgspec.json.encode(state), type=RunState)


durability = pytest.mark.parametrize("is_durable", [True, False], ids=["durable", "attached"])


@shapes
@durability
@pytest.mark.parametrize("choose", [lambda pauses: pauses, lambda pauses: pauses[-1:]], ids=["all", "one by one"])
async def test_every_pause_is_answered_once_and_every_block_runs_once(
    shape: str, is_durable: bool, choose: Callable[[Sequence[Pause]], Sequence[Pause]]
) -> None:
    parent, contexts = PARENTS[shape]
    story = Story(parent, is_durable, choose=choose)
    result = await story.run_to_end()

    assert result.outcome.status is RunStatus.COMPLETED, result.outcome.error
    assert sorted(story.taken) == contexts
    assert story.handler.runs == {name: count for name, count in runs_of(parent).items() if count}
    assert result.usage.input_tokens == story.handler.runs.total(), "what was spent before a pause counts, and once"
    assert sorted(log.execution_order for log in result.blocks) == list(range(1, len(result.blocks) + 1))


def runs_of(workflow: Document, times: int = 1) -> dict[str, int]:
    """Return how often each function runs, those of called workflows included."""
    counts: dict[str, int] = {}
    for each in workflow["blocks"].values():
        iterations = times * (2 if each["data"].get("parentId") else 1)
        if each["type"] == "function":
            counts[each["id"]] = counts.get(each["id"], 0) + iterations
        elif each["type"] == "workflow_input":
            inner = runs_of(CHILDREN[each["subBlocks"]["workflowId"]["value"]], iterations)
            counts = {name: counts.get(name, 0) + inner.get(name, 0) for name in {**counts, **inner}}
    return counts


@shapes
@durability
async def test_a_worker_that_is_lost_anywhere_after_an_answer_loses_nothing(shape: str, is_durable: bool) -> None:
    parent, contexts = PARENTS[shape]
    undisturbed = Story(parent, is_durable)
    expected = await undisturbed.run_to_end()
    for lost_in in range(len(undisturbed.results)):
        for lost_after in range(len(undisturbed.entries)):
            story = Story(parent, is_durable, lost_in=lost_in, lost_after=lost_after)
            result = await story.run_to_end()
            assert result.output == expected.output
            assert sorted(story.taken) == contexts
            assert all(count - runs_of(parent)[name] in (0, 1, 2) for name, count in story.handler.runs.items())
            assert len({log.execution_order for log in result.blocks}) == len(result.blocks) == len(expected.blocks)


@durability
async def test_the_resume_link_names_the_calling_workflow(is_durable: bool) -> None:
    story = Story(PARENTS["two deep"][0], is_durable)
    await story.run_to_end()
    (paused, _) = story.results
    assert paused.output["data"]["_resume"] == {
        "apiUrl": "https://flowport.example/api/resume/wf/run-1/call.inner.h",
        "uiUrl": "https://flowport.example/resume/wf/run-1",
        "contextId": "call.inner.h",
        "executionId": "run-1",
        "workflowId": "wf",
    }
    assert [(pause.block_id, pause.kind) for pause in paused.pauses] == [("h", "human")]


@durability
async def test_the_answer_reaches_the_asking_block_and_its_callers_continue_with_the_result(is_durable: bool) -> None:
    def tells(call: Call) -> Any:
        return {"result": call.resolver.output_of("h")} if call.block.id == "b" else {"result": None}

    story = Story(chain(calls("call", "asking")), is_durable, script=tells)
    result = await story.run_to_end()
    assert result.output["success"] is True
    assert result.output["result"]["result"]["submission"] == {"ok": "call.h"}


@durability
async def test_the_trace_shows_the_called_workflow_while_it_waits_and_once_when_it_is_done(is_durable: bool) -> None:
    story = Story(PARENTS["one"][0], is_durable)
    await story.run_to_end()
    paused, done = ([log for log in result.blocks if log.block_id == "call"] for result in story.results)
    assert [[span["blockId"] for span in log.child_spans] for log in paused] == [["start", "a", "h"]]
    assert [[span["blockId"] for span in log.child_spans] for log in done] == [["start", "a", "h", "b"]]
    assert paused[0].started_at == done[0].started_at
    assert story.results[0].usage.input_tokens == 2


@durability
async def test_a_called_workflow_continues_in_the_version_that_paused(is_durable: bool) -> None:
    deployed = Deployed(**CHILDREN)

    def promoted(pauses: Sequence[Pause]) -> Sequence[Pause]:
        deployed.promote("asking", chain(block("other")))
        return pauses

    story = Story(PARENTS["one"][0], is_durable, deployed=deployed, choose=promoted)
    await story.run_to_end()
    assert story.handler.runs["b"] == 1
    assert story.handler.runs["other"] == 0


@durability
async def test_a_called_workflow_that_fails_after_its_pause_takes_its_callers_error_edge(is_durable: bool) -> None:
    def breaks(call: Call) -> Any:
        if call.block.id == "b":
            raise fails("no luck")
        return spends(call)

    edges: list[Edge] = [("start", "source", "call"), ("call", "source", "good"), ("call", "error", "bad")]
    parent = document([START, calls("call", "asking"), block("good"), block("bad")], edges)
    story = Story(parent, is_durable, script=breaks)
    result = await story.run_to_end()
    assert result.output == {"result": "bad"}
    assert story.handler.runs["good"] == 0


@durability
async def test_a_response_elsewhere_ends_the_run_and_its_pauses(is_durable: bool) -> None:
    parent = side_by_side(calls("k", "asking"), block("r", "response", dataMode="structured"))
    story = Story(parent, is_durable)
    result = await story.run_to_end()
    assert result.outcome.status is RunStatus.COMPLETED
    assert story.taken == []
    assert sorted(log.block_id for log in result.blocks) == ["k", "r", "start"]
    assert result.usage.input_tokens == 1, "what the call spent before it paused"


@durability
async def test_a_run_cancelled_after_an_answer_reports_the_call_once_with_all_its_usage(
    is_durable: bool,
) -> None:
    resumed = asyncio.Event()

    async def lingers(call: Call) -> BlockResult:
        if call.block.id == "b":
            call.spend(Usage(5, 0, 0.0, {}))
            resumed.set()
            await asyncio.sleep(60)
        return spends(call)

    story = Story(chain(calls("call", "asking")), is_durable, script=lingers)
    paused = await story.begun()
    going_on = story.prepared(Recorder(), {pause.context_id: {} for pause in paused.pauses})
    running = asyncio.create_task(going_on.run())
    await resumed.wait()
    going_on.cancel()
    result = await running
    assert result.outcome.status is RunStatus.CANCELLED
    assert [(log.block_id, log.success) for log in result.blocks] == [("start", True), ("call", False)]
    assert result.usage.input_tokens == 6


async def test_the_log_of_a_repeatedly_paused_run_stays_bounded() -> None:
    workflow = inside("loop", asks("h", "c"), block("b", parent="c"))
    workflow["blocks"]["c"]["data"]["count"] = 8
    wordy = engine_of(
        {"function": Scripted(lambda call: {"result": "x" * 400}), "human_in_the_loop": HumanInTheLoopHandler()},
        log_bytes=1500,
    )
    result = await execution(wordy, workflow).run()
    for _ in range(8):
        (pause,) = result.pauses
        answers = {pause.context_id: {"ok": True}}
        result = await execution(wordy, workflow, state=result.state, resumptions=answers).run()
    assert result.outcome.status is RunStatus.COMPLETED
    whole = [log for log in result.blocks if log.block_id == "b" and "result" in (log.output or {})]
    assert 1 <= len(whole) <= 3
