import asyncio
from dataclasses import replace
from typing import Any

import pytest
from tests.support.engine.building import (
    START,
    CountedConditions,
    Document,
    Recorder,
    Scripted,
    block,
    document,
    engine_of,
    execution,
    names,
    run,
)
from tests.support.engine.containers import child, fills_in, inside, results

from executor_service.engine import BadCondition, Call, RunRequest, RunResult
from executor_service.engine.resolver import Resolver
from shared.contracts.runs import RunStatus
from shared.errors import AtCapacity
from shared.workflow.compile.code_references import CodeTemplate


def error(result: RunResult) -> str:
    assert result.outcome.error is not None
    return result.outcome.error.text


FOR_3 = {"loopType": "for", "count": 3}


async def test_a_loop_iterates_in_order_and_collects_each_iteration() -> None:
    result = await run(fills_in, inside("loop", FOR_3, child("a", "<loop.index>"), child("b", "<a.result>!")))
    assert results(result) == [["0", "0!"], ["1", "1!"], ["2", "2!"]]
    assert result.output["totalIterations"] == 3


@pytest.mark.parametrize(
    ("collection", "items"),
    [
        ('["p", "q"]', ["p", "q"]),
        ("['p','q']", ["p", "q"]),
        ([1, 2], ["1", "2"]),
        ("<start.list>", ["7", "8"]),
        ("<start.object>", ['["k",1]']),
        ("<start.text>", ["5"]),
        ("[<start.number>, 2]", ["9", "2"]),
        ('["<start.said>", "<start.list>", "<nobody.said>"]', ['a "b", "c\\d"', "[7,8]", "<nobody.said>"]),
        ("['<start.number>', '<start.words>']", ["9", "two words"]),
        ("<start.nothing>", []),
        ("<later.result>", []),
        ("<start.half>", ["\ufffd"]),
    ],
)
async def test_a_collection_may_be_typed_or_referred_to(collection: Any, items: list[str]) -> None:
    given = {"list": [7, 8], "object": {"k": 1}, "text": "[5]", "number": 9, "nothing": None}
    given = {**given, "half": r'["\ud800"]', "said": 'a "b", "c\\d"', "words": "two words"}
    for kind in ("loop", "parallel"):
        data = {"loopType": "forEach", "parallelType": "collection", "collection": collection}
        workflow = inside(kind, data, child("a", f"<{kind}.currentItem>"), after=False)
        workflow["blocks"]["later"] = block("later")
        assert results(await run(fills_in, workflow, input=given, journal=True)) == [[item] for item in items]


@pytest.mark.parametrize(
    ("kind", "collection", "message"),
    [
        (
            "loop",
            "",
            "ForEach loop collection is empty. Provide an array or a reference that resolves to a collection.",
        ),
        (
            "loop",
            "  ",
            "ForEach loop collection is empty. Provide an array or a reference that resolves to a collection.",
        ),
        ("loop", "hello", 'ForEach loop resolution failed: Failed to parse items as JSON: "hello"'),
        ("loop", "<start.number>", "ForEach loop resolution failed: Value did not resolve to an array or object"),
        ("loop", "<start.word>", "ForEach loop resolution failed: Value did not resolve to an array or object"),
        ("loop", "<start.cut>", "ForEach loop resolution failed: Value did not resolve to an array or object"),
        ("loop", "<start.deep>", "ForEach loop resolution failed: Value did not resolve to an array or object"),
        ("parallel", "<start.cut>", "Parallel Items did not resolve: Value did not resolve to an array or object"),
        (
            "parallel",
            "",
            "Parallel collection distribution is empty. Provide an array or a reference that resolves to a collection.",
        ),
        ("parallel", "5", "Parallel Items did not resolve: Value did not resolve to an array or object"),
    ],
)
async def test_a_value_that_is_not_a_collection_ends_the_run(kind: str, collection: str, message: str) -> None:
    data = {"loopType": "forEach", "parallelType": "collection", "collection": collection}
    sent = {"number": 9, "word": "w", "cut": "[1, 2", "deep": "[" * 900 + "]" * 900}
    result = await run(fills_in, inside(kind, data, child("a")), input=sent)
    assert error(result) == message
    assert names(result) == ["start", "C!"]


@pytest.mark.parametrize(("count", "iterations"), [("3", 3), (0, 5), (None, 5), (2.5, 3)])
async def test_a_count_may_be_text_and_defaults_to_five(count: Any, iterations: int) -> None:
    for kind in ("loop", "parallel"):
        result = await run(fills_in, inside(kind, {"count": count}, child("a")))
        assert len(result.output["results"]) == iterations


@pytest.mark.parametrize("kind", ["loop", "parallel"])
async def test_a_count_below_zero_is_refused(kind: str) -> None:
    result = await run(fills_in, inside(kind, {"count": -2}, child("a")))
    assert error(result) == f"C: {kind.capitalize()} count must be a number of zero or more, not -2"


@pytest.mark.parametrize(
    ("data", "iterations"),
    [
        ({"loopType": "while", "whileCondition": "2"}, 2),
        ({"loopType": "while", "whileCondition": "0"}, 0),
        ({"loopType": "while"}, 0),
        ({"loopType": "doWhile", "doWhileCondition": "0"}, 1),
        ({"loopType": "doWhile", "doWhileCondition": "3", "count": 9}, 3),
        ({"loopType": "doWhile", "count": 2}, 2),
    ],
)
async def test_a_condition_is_evaluated_before_or_after_a_round(data: dict[str, Any], iterations: int) -> None:
    result = await run(fills_in, inside("loop", data, child("a"), after=True))
    assert names(result) == ["start", *(f"a (iteration {n})" for n in range(iterations)), "C", "Z"]


class Misspelled(CountedConditions):
    async def holds(self, condition: CodeTemplate, resolver: Resolver, request: RunRequest) -> bool:
        raise BadCondition("conut is not defined")


@pytest.mark.parametrize("is_journaled", [False, True])
async def test_a_loop_ended_by_its_condition_is_logged_as_such(is_journaled: bool) -> None:
    workflow = inside("loop", {"loopType": "doWhile", "doWhileCondition": "conut < 3"}, child("a"), after=True)
    engine = replace(engine_of({"function": Scripted(fills_in)}), expressions=Misspelled())
    recorder = Recorder()
    result = await execution(engine, workflow, recorder, journal=True).run()
    if is_journaled:  # a worker that resumes the run reports the same
        result = await execution(engine, workflow, Recorder(), journal=True, entries=recorder.entries).run()
    assert result.outcome.status is RunStatus.COMPLETED
    assert names(result) == ["start", "a (iteration 0)", "C", "Z"]
    assert result.blocks[2].input == {"condition": "conut < 3", "problem": "conut is not defined"}


class NoProcessFree(CountedConditions):
    async def holds(self, condition: CodeTemplate, resolver: Resolver, request: RunRequest) -> bool:
        raise AtCapacity("No sandbox process became free in time", retry_after=1)


@pytest.mark.parametrize("is_journaled", [False, True])
async def test_an_unavailable_condition_evaluator_fails_the_run_and_not_its_worker(is_journaled: bool) -> None:
    workflow = inside("loop", {"loopType": "while", "whileCondition": "2"}, child("a"), after=True)
    engine = replace(engine_of({"function": Scripted(fills_in)}), expressions=NoProcessFree())
    result = await execution(engine, workflow, Recorder(), journal=is_journaled).run()
    assert result.outcome.status is RunStatus.FAILED
    assert result.outcome.error is not None
    assert (result.outcome.error.message, result.outcome.error.http_status) == (
        "C: No sandbox process became free in time",
        503,
    )
    assert names(result) == ["start", "C!"]


async def test_branches_run_in_batches_and_results_keep_their_order() -> None:
    running = 0
    most = 0

    async def dawdle(call: Call) -> dict[str, Any]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        index = call.iterations[0].index
        await asyncio.sleep(0.001 * (5 - index))
        running -= 1
        return {"result": index}

    result = await run(dawdle, inside("parallel", {"count": 5, "batchSize": 2}, child("a")))
    assert results(result) == [[0], [1], [2], [3], [4]]
    assert most == 2


async def test_a_branch_sees_its_own_siblings_and_from_outside_it_is_the_first_branch() -> None:
    workflow = inside("parallel", {"count": 2}, child("a", "a<parallel.index>"), child("b", "<a.result>b"), after=True)
    workflow["blocks"]["Z"]["subBlocks"]["code"] = {"id": "code", "type": "code", "value": "<b.result>"}
    result = await run(fills_in, workflow)
    assert result.output == {"result": "a0b"}
    assert result.blocks[-2].output == {
        "results": [[{"result": "a0"}, {"result": "a0b"}], [{"result": "a1"}, {"result": "a1b"}]]
    }


async def test_a_branch_does_not_see_what_another_branch_did_in_an_earlier_round() -> None:
    outer = block("L", "loop", data={"loopType": "for", "count": 2})
    inner = block("P", "parallel", parent="L", data={"count": 2})
    workflow = document(
        [START, outer, inner, child("a", "<b.result>.", "P"), child("b", "b", "P")],
        [
            ("start", "source", "L"),
            ("L", "loop-start-source", "P"),
            ("P", "parallel-start-source", "a"),
            ("a", "source", "b"),
        ],
    )
    result = await run(fills_in, workflow)
    seen = [[branch[0]["result"] for branch in one["results"]] for (one,) in result.output["results"]]
    assert seen == [[".", "."], [".", "."]]


async def test_after_a_loop_its_blocks_have_their_last_value() -> None:
    workflow = inside("loop", FOR_3, child("a", "<loop.index>"), after=True)
    workflow["blocks"]["Z"]["subBlocks"]["code"] = {"id": "code", "type": "code", "value": "<a.result>"}
    assert (await run(fills_in, workflow)).output == {"result": "2"}


async def test_a_container_can_be_called_by_its_name_from_within() -> None:
    outer = block("L", "loop", name="Each Word", data={"loopType": "forEach", "collection": '["x","y"]'})
    inner = block("P", "parallel", parent="L", data={"count": 1})
    text = "<eachword.currentItem><EachWord.index><loop.item><parallel.index><eachword.items[1]>"
    workflow = document(
        [START, outer, inner, child("a", text, "P")],
        [("start", "source", "L"), ("L", "loop-start-source", "P"), ("P", "parallel-start-source", "a")],
    )
    result = await run(fills_in, workflow)
    assert result.output["results"] == [
        [{"results": [[{"result": "x0x0y"}]]}],
        [{"results": [[{"result": "y1y0y"}]]}],
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<loop.nope>", 'a: "nope" doesn\'t exist on block "loop". Available fields: index'),
        ("<c.nope>", 'a: "nope" doesn\'t exist on block "c". Available fields: index'),
    ],
)
async def test_an_unknown_property_of_a_loop_is_an_error(text: str, message: str) -> None:
    assert error(await run(fills_in, inside("loop", FOR_3, child("a", text)))) == message


async def test_outside_a_loop_only_its_results_are_there() -> None:
    workflow = inside("loop", {"loopType": "for", "count": 1}, child("a"), after=True)

    def text(value: str) -> Document:
        workflow["blocks"]["Z"]["subBlocks"]["code"] = {"id": "code", "type": "code", "value": value}
        return workflow

    assert (await run(fills_in, text("<c.result.length> <loop.index>"))).output == {"result": "1 <loop.index>"}
    assert error(await run(fills_in, text("<c.index>"))) == (
        'Z: "index" doesn\'t exist on block "c". Available fields: results'
    )


async def test_an_item_in_a_loop_without_items_stays_as_typed() -> None:
    result = await run(fills_in, inside("loop", FOR_3, child("a", "<loop.currentItem>")))
    assert results(result)[0] == ["<loop.currentItem>"]


async def test_log_entries_have_their_iterations() -> None:
    outer = block("L", "loop", data={"loopType": "for", "count": 1})
    inner = block("P", "parallel", parent="L", data={"count": 2})
    workflow = document(
        [START, outer, inner, child("a", "x", "P")],
        [("start", "source", "L"), ("L", "loop-start-source", "P"), ("P", "parallel-start-source", "a")],
    )
    result = await run(fills_in, workflow)
    second = result.blocks[2]
    assert (second.block_id, second.block_name, second.parallel_id, second.loop_id, second.iteration_index) == (
        "a₍1₎",
        "a (iteration 1)",
        "P",
        None,
        1,
    )
    assert second.parent_iterations == ({"iterationCurrent": 0, "iterationType": "loop", "iterationContainerId": "L"},)


async def test_containers_nested_too_deep_are_refused() -> None:
    depth = 12
    ids = [f"L{n}" for n in range(depth)]
    blocks = [
        block(name, "loop", parent=ids[n - 1] if n else None, data={"loopType": "for", "count": 1})
        for n, name in enumerate(ids)
    ]
    edges: list[tuple[str, str | None, str]] = [("start", "source", "L0")]
    edges += [(ids[n], "loop-start-source", ids[n + 1]) for n in range(depth - 1)]
    edges.append((ids[-1], "loop-start-source", "a"))
    result = await run(fills_in, document([START, *blocks, child("a", "x", ids[-1])], edges))
    assert error(result) == "Loops and parallels are nested more than 10 deep"


async def test_a_secret_in_an_unreadable_collection_is_hidden_from_the_caller() -> None:
    data = {"loopType": "forEach", "collection": "{{TOKEN}}"}
    result = await run(fills_in, inside("loop", data, child("a")), environment={"TOKEN": "open sesame"})
    assert result.outcome.error is not None
    assert result.outcome.error.message.endswith('Failed to parse items as JSON: "[REDACTED]"')
    assert "open sesame" not in str(result.outcome) + str(result.blocks)


async def test_an_error_edge_out_of_a_loop_is_ignored_and_blocks_nothing() -> None:
    workflow = inside("loop", {"count": 1}, child("a"), after=True)
    workflow["blocks"]["handler"] = block("handler")
    workflow["edges"] += [
        {"id": "out", "source": "a", "sourceHandle": "error", "target": "handler"},
        {"id": "join", "source": "handler", "sourceHandle": "source", "target": "Z"},
    ]
    assert names(await run(fills_in, workflow)) == ["start", "a (iteration 0)", "C", "Z"]
