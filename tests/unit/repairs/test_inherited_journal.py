"""A repaired run continues the journal of the failed one, in the failed version's graph or in another's."""

import asyncio
import copy
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.engine.building import (
    START,
    Deployed,
    Document,
    Recorder,
    Scripted,
    block,
    chain,
    document,
    engine_of,
    execution,
    fails,
    ok,
)
from tests.support.engine.random_graphs import Step, as_document, bodies, expected_runs
from tests.support.engine.scripts import script

from executor_service.blocks.workflow import WorkflowHandler
from executor_service.engine import Call, RunResult
from jobs_service.repairs.inherited_journal import inherit
from shared.contracts.claims import JournalEntry
from shared.contracts.runs import RunStatus, Trigger, Usage
from shared.errors import Conflict
from shared.workflow.diff.resume_map import resume_map

Wire = tuple[str, str | None, str]
POSTS = block("call", "api", url="https://example.com", method="POST")


def journal_of(recorder: Recorder) -> list[JournalEntry]:
    """Return the stored journal of a run."""
    both = zip(recorder.kinds, recorder.entries, strict=True)
    return [JournalEntry(index, kind, data) for index, (kind, data) in enumerate(both)]


def inherited(recorder: Recorder, before: Document, after: Document, **more: bool) -> list[msgspec.Raw]:
    """Return the journal of a repair on `after`."""
    places = resume_map(before, after, Trigger.API)
    return [entry.data for entry in inherit(journal_of(recorder), places, **more)]


class Once:
    """Fails the block's first execution, or the one with this number."""

    def __init__(self, block_id: str, number: int = 1) -> None:
        self._block_id = block_id
        self._number = number

    def __call__(self, call: Call) -> Any:
        if call.block.id == self._block_id:
            self._number -= 1
            if self._number == 0:
                raise fails("unreachable")
        return script(call) if call.block.code is not None or call.block.type == "condition" else ok(call)


def start(handler: Scripted, workflow: Document, recorder: Recorder, entries: Sequence[msgspec.Raw] = ()) -> RunResult:
    """Run a durable run to its end."""
    engine = engine_of(dict.fromkeys(("function", "condition", "api"), handler))
    return asyncio.run(execution(engine, workflow, recorder, journal=True, entries=list(entries)).run())


def failed(workflow: Document, block_id: str) -> Recorder:
    """Return the journal of a run that failed at the block."""
    recorder = Recorder()
    assert start(Scripted(Once(block_id)), workflow, recorder).outcome.status is RunStatus.FAILED
    return recorder


def rearranged(workflow: Document) -> Document:
    """Return the workflow with its blocks in reverse order, and a new block behind the start."""
    after = copy.deepcopy(workflow)
    after["blocks"] = {"new": block("new", code="ok"), **dict(reversed(after["blocks"].items()))}
    after["edges"].append({"id": "e", "source": "start", "sourceHandle": "source", "target": "new"})
    return after


@given(bodies(), st.data())
def test_each_block_of_any_workflow_runs_once_more_only_where_it_failed(steps: list[Step], data: st.DataObject) -> None:
    before = as_document(steps)
    runs = expected_runs(steps)
    kinds = {each: entry.get("subBlocks", {}).get("code", {}).get("value") for each, entry in before["blocks"].items()}
    candidates = sorted(name for name, count in runs.items() if count and kinds.get(name) == "ok")
    if not candidates:
        return
    block_id = data.draw(st.sampled_from(candidates))
    number = data.draw(st.integers(1, runs[block_id]))
    recorder, first = Recorder(), Scripted(Once(block_id, number))
    if start(first, before, recorder).outcome.status is not RunStatus.FAILED:
        return  # an error edge handled it
    after = data.draw(st.sampled_from([before, rearranged(before)]))

    second = Scripted(script)
    result = start(second, after, Recorder(), inherited(recorder, before, after))
    assert result.outcome.status is RunStatus.COMPLETED
    second.runs.pop("new", None)
    assert first.runs + second.runs == runs + Counter([block_id])


def test_the_failed_block_may_have_other_settings_and_successors() -> None:
    before = chain(block("a"), block("b"), block("c"))
    after = chain(block("a"), block("b", code="fixed"), block("between"), block("c"))
    handler = Scripted(ok)
    assert start(handler, after, Recorder(), inherited(failed(before, "b"), before, after)).outcome.error is None
    assert handler.runs == {"b": 1, "between": 1, "c": 1}


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        (chain(block("a", code="changed"), block("b")), "has other settings there"),
        (chain(block("a", "api"), block("b")), "has another type there"),
        (chain(block("b")), "does not exist there"),
        (chain(block("x"), block("a"), block("b")), "has other upstream blocks there"),
        (chain(block("a", enabled=False), block("b")), "has other settings there"),
    ],
)
def test_a_version_that_changes_a_completed_block_is_refused_by_its_name(after: Document, reason: str) -> None:
    before = chain(block("a"), block("b"))
    with pytest.raises(Conflict, match=f'block "a" {reason}') as refused:
        inherited(failed(before, "b"), before, after)
    assert refused.value.details == {"blockId": "a", "blockName": "a"}


def test_a_block_that_a_new_path_would_reach_again_is_refused() -> None:
    condition = block("if", "condition", conditions=[{"id": "if-a", "title": "if", "value": "x"}])
    blocks = [START, condition, block("skipped"), block("joined"), block("last")]
    edges: list[Wire] = [
        ("start", "source", "if"),
        ("if", "condition-if-a", "joined"),
        ("if", "condition-none", "skipped"),
    ]
    edges += [("skipped", "source", "joined"), ("joined", "source", "last")]
    before, after = document(blocks, edges), document(blocks, [*edges, ("start", "source", "skipped")])
    recorder = Recorder()

    def fails_last(call: Call) -> Any:
        if call.block.id == "last":
            raise fails("no")
        return {"selectedOption": "if-a"} if call.block.type == "condition" else ok(call)

    start(Scripted(fails_last), before, recorder)
    with pytest.raises(Conflict, match='block "joined" has other upstream blocks there'):
        inherited(recorder, before, after)


def test_a_loop_that_has_begun_keeps_its_blocks() -> None:
    loop = block("loop", "loop", data={"loopType": "for", "count": 2})
    edges: list[Wire] = [
        ("start", "source", "loop"),
        ("loop", "loop-start-source", "a"),
        ("a", "source", "b"),
    ]
    before = document([START, loop, block("a", parent="loop"), block("b", parent="loop")], edges)
    added = [block("a", parent="loop"), block("b", parent="loop"), block("new", parent="loop")]
    after = document([START, loop, *added], [*edges, ("b", "source", "new")])
    with pytest.raises(Conflict, match='block "loop" has other settings there'):
        inherited(failed(before, "b"), before, after)


def test_a_called_workflow_continues_at_its_failed_block() -> None:
    child = chain(block("one"), block("two"))
    parent = chain(block("call", "workflow", workflowId="child"), block("after"))
    deployed = Deployed(child=child)

    def finish(handler: Scripted, recorder: Recorder, entries: Sequence[msgspec.Raw] = ()) -> RunResult:
        engine = engine_of({"function": handler, "workflow": WorkflowHandler(deployed)})
        return asyncio.run(execution(engine, parent, recorder, journal=True, entries=list(entries)).run())

    recorder, second = Recorder(), Scripted(ok)
    assert finish(Scripted(Once("two")), recorder).outcome.status is RunStatus.FAILED
    assert finish(second, Recorder(), inherited(recorder, parent, parent)).outcome.status is RunStatus.COMPLETED
    assert second.runs == {"two": 1, "after": 1}


def test_an_effect_that_failed_for_a_known_reason_is_retried() -> None:
    workflow = chain(POSTS)
    handler = Scripted(ok)
    result = start(handler, workflow, Recorder(), inherited(failed(workflow, "call"), workflow, workflow))
    assert result.outcome.status is RunStatus.COMPLETED
    assert handler.runs == {"call": 1}


def test_an_effect_that_is_unknown_is_only_repeated_on_request() -> None:
    workflow = chain(POSTS)
    recorder = failed(workflow, "call")
    del recorder.entries[-1], recorder.kinds[-1]  # the worker is lost during the call
    with pytest.raises(Conflict, match='The effect of block "call" is unknown'):
        inherited(recorder, workflow, workflow)

    handler = Scripted(ok)
    entries = inherited(recorder, workflow, workflow, repeat_uncertain=True)
    assert start(handler, workflow, Recorder(), entries).outcome.status is RunStatus.COMPLETED
    assert handler.runs == {"call": 1}


def test_costs_of_the_failed_run_are_not_charged_again() -> None:
    def spends(call: Call) -> Any:
        call.spend(Usage(cost_usd=1.0))
        return Once("b")(call)

    workflow = chain(block("a"), block("b"))
    recorder = Recorder()
    assert start(Scripted(spends), workflow, recorder).usage.cost_usd == 2.0
    entries = inherited(recorder, workflow, workflow)
    assert start(Scripted(ok), workflow, Recorder(), entries).usage == Usage()
    assert "usage" not in json.loads(bytes(entries[-1]))
