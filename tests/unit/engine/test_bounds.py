"""The size of a run is bounded."""

import asyncio
import tracemalloc
from typing import Any

import pytest
from tests.support.engine.building import START, Scripted, block, chain, document, engine_of, execution, ok
from tests.support.left_behind import without_collections

from executor_service.engine import Call, Execution
from shared.contracts.runs import RunStatus


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"blocks": 2}, "The run exceeds the limit of 2 blocks"),
        ({"run_output_bytes": 20}, "The outputs of this run exceed the limit of 20 bytes"),
        ({"block_output_bytes": 5}, "a: The output is too large: 14 bytes, the limit is 5"),
    ],
)
async def test_a_run_past_a_bound_ends(limits: dict[str, int], message: str) -> None:
    engine = engine_of({"function": Scripted(ok)}, **limits)
    with without_collections() as remains:
        result = await execution(engine, chain(block("a"), block("b"))).run()
        await asyncio.sleep(0)
        assert remains.of(Execution, Call) == []
    assert result.outcome.status is RunStatus.FAILED
    assert result.outcome.error is not None
    assert result.outcome.error.text == message


async def test_a_run_may_have_exactly_the_maximum_of_blocks() -> None:
    result = await execution(engine_of({"function": Scripted(ok)}, blocks=3), chain(block("a"), block("b"))).run()
    assert result.outcome.error is None


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "<start.x>" * 400},
        {"url": "<start.object>" * 400},
        {"url": "u", "body": '{"a": "' + "<start.object>" * 400 + '"}'},
        {"url": "u", "headers": [{"value": "<start.x>"}] * 400},
    ],
)
async def test_references_produce_at_most_the_text_of_a_block(settings: dict[str, Any]) -> None:
    given = {"x": "x" * 1_000_000, "object": {"x": "x" * 1_000_000}}
    handler = Scripted(ok)
    tracemalloc.start()
    result = await execution(engine_of({"api": handler}), chain(block("a", "api", **settings)), input=given).run()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert result.outcome.error is not None
    assert result.outcome.error.text == (
        "a: The references in this block's settings exceed the limit of 41943040 characters"
    )
    assert handler.runs["a"] == 0
    assert peak < 100_000_000


async def test_a_collection_past_that_bound_ends_the_run() -> None:
    data = {"loopType": "forEach", "collection": "[<start.x>, <start.x>]"}
    blocks = [START, block("C", "loop", data=data), block("a", parent="C")]
    workflow = document(blocks, [("start", "source", "C"), ("C", "loop-start-source", "a")])
    engine = engine_of({"function": Scripted(ok)}, filled_in_chars=10)
    result = await execution(engine, workflow, input={"x": "longer"}).run()
    assert result.outcome.error is not None
    assert result.outcome.error.message == (
        "ForEach loop resolution failed: The references in this block's settings exceed the limit of 10 characters"
    )


async def test_a_loop_past_its_bound_ends_the_run() -> None:
    loop = block("l", "loop", data={"loopType": "while", "whileCondition": "1000"})
    workflow = document(
        [START, loop, block("f", parent="l")], [("start", "source", "l"), ("l", "loop-start-source", "f")]
    )
    result = await execution(engine_of({"function": Scripted(ok)}, iterations=3), workflow).run()
    assert result.outcome.error is not None
    assert result.outcome.error.text == "l: The loop or parallel exceeds the limit of 3 iterations"


async def test_a_journaled_output_has_to_fit_into_an_entry() -> None:
    engine = engine_of({"function": Scripted(ok)}, journaled_output_bytes=5)
    attached = await execution(engine, chain(block("a"))).run()
    assert attached.outcome.status is RunStatus.COMPLETED
    journaled = await execution(engine, chain(block("a")), journal=True).run()
    assert journaled.outcome.error is not None
    assert journaled.outcome.error.text == "a: The output is too large: 14 bytes, the limit is 5"


async def test_the_output_of_a_block_must_fit_into_a_journal_entry() -> None:
    engine = engine_of({"function": Scripted(ok)}, journal_entry_bytes=5)
    result = await execution(engine, chain(block("a")), journal=True).run()
    assert result.outcome.error is not None
    assert result.outcome.error.text == "The results of start exceed the limit of 5 bytes for a durable run"
