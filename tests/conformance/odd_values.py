"""Unusual references, responses and partial runs, each with the result that follows from the rules."""

from tests.conformance.odd_workflows import (
    AFTER_LOOP,
    AFTER_PARALLEL,
    LOOP,
    PARALLEL,
    Edge,
    OddWorkflow,
    after,
    answer,
    answered,
    choice,
    either,
    fn,
    loop,
    parallel,
)
from tests.support.engine.building import START, Document, block

from executor_service.engine import RunFrom

CITIES = [{"name": name, "type": "string", "value": "{{CITY}}"} for name in ("kept", "sent")]
FOR_EACH = block("l", "loop", data={"loopType": "forEach", "collection": ["a", "b"]})
REFERENCES = (
    OddWorkflow(
        "environment-values-are-filled-into-defaults-of-inputs-but-not-into-sent-inputs",
        [block("start", "start_trigger", inputFormat=CITIES), fn("f", "return [<start.kept>, <start.sent>]")],
        after("start f"),
        result=["Oslo", "{{CITY}}"],
        more={"environment": {"CITY": "Oslo"}, "input": {"sent": "{{CITY}}"}},
    ),
    OddWorkflow(
        "references-of-a-shared-error-handler-to-blocks-that-never-ran-are-null",
        [START, fn("a", "throw 'x'"), fn("b", "return 1"), fn("h", "return [<a.error>, <b.error>, <b.missing>]")],
        [*after("start a", "a b"), ("a", "error", "h"), ("b", "error", "h")],
        result=["x", None, None],
    ),
    OddWorkflow(
        "a-reference-to-a-loop-from-inside-is-its-index-and-its-items",
        [START, FOR_EACH, fn("f", "return [<loop>, <l>]", "l"), fn("z", "return <l.results>.map(r => r[0].result)")],
        [*after("start l"), ("l", LOOP, "f"), ("l", AFTER_LOOP, "z")],
        result=[[{"index": n, "currentItem": item, "items": ["a", "b"]}] * 2 for n, item in enumerate("ab")],
    ),
    OddWorkflow(
        "a-reference-to-a-parallel-without-items-from-inside-is-its-index",
        [
            START,
            parallel("p", 2),
            fn("f", "return <parallel>", "p"),
            fn("z", "return <p.results>.map(r => r[0].result)"),
        ],
        [*after("start p"), ("p", PARALLEL, "f"), ("p", AFTER_PARALLEL, "z")],
        result=[{"index": 0}, {"index": 1}],
    ),
    OddWorkflow(
        "names-of-blocks-may-contain-dashes-and-brackets",
        [
            START,
            fn("a", "return 'a'", name="Fetch - Parse"),
            fn("b", "return 'b'", name="Mail [draft] 2"),
            fn("c", "return 'c'", name="Agent [1]"),
            answer("r", "<Fetch - Parse.result><mail[draft]2.result><agent[1].result><start[0]>"),
        ],
        after("start a", "a b", "b c", "c r"),
        output=answered("abc<start[0]>"),
    ),
)

RESPONSES = (
    OddWorkflow(
        "a-response-in-a-nested-loop-ends-the-run-in-its-first-iteration",
        [START, parallel("p", 1), loop("l", "p", count=3), answer("r", "<loop.index>", "l"), fn("z", "return 1")],
        [*after("start p"), ("p", PARALLEL, "l"), ("l", LOOP, "r"), ("p", AFTER_PARALLEL, "z")],
        output=answered(0),
    ),
    OddWorkflow(
        "a-response-in-one-branch-is-the-response-of-the-run",
        [
            START,
            parallel("p", 3),
            choice("c", "<parallel.index> == 2", "p"),
            answer("r", "<parallel.index>", "p"),
            fn("o", "return 1", "p"),
            fn("z", "return 1"),
        ],
        [*after("start p"), ("p", PARALLEL, "c"), *either("c", "r", "o"), ("p", AFTER_PARALLEL, "z")],
        output=answered(2),
    ),
    OddWorkflow(
        "a-response-that-cannot-be-serialized-fails-its-block",
        [START, answer("r", "<start.missing>"), fn("h", "return 'h'")],
        [*after("start r"), ("r", "error", "h")],
        result="h",
    ),
    OddWorkflow(
        "a-response-of-a-called-workflow-does-not-end-the-caller",
        [
            START,
            parallel("p"),
            block("k", "workflow_input", parent="p", workflowId="child"),
            fn("z", "return <p.results>.map(r => r[0].result.data)"),
        ],
        [*after("start p"), ("p", PARALLEL, "k"), ("p", AFTER_PARALLEL, "z")],
        result=[{"c": 1}, {"c": 1}],
    ),
)

COUNTING_BLOCKS: list[Document] = [
    START,
    fn("a", "return 5"),
    loop("l", count=2),
    fn("f", "return <a.result> + <loop.index>", "l"),
    fn("z", "return <l.results>.map(r => r[0].result)"),
]
COUNTING_EDGES: list[Edge] = [*after("start a", "a l"), ("l", LOOP, "f"), ("l", AFTER_LOOP, "z")]
PARTIAL = (
    OddWorkflow("stop-inside-a-loop", COUNTING_BLOCKS, COUNTING_EDGES, result=5, more={"stop_after_block_id": "f"}),
    OddWorkflow(
        "stop-after-a-loop",
        COUNTING_BLOCKS,
        COUNTING_EDGES,
        more={"stop_after_block_id": "l"},
        order=["start", "a", "f (iteration 0)", "f (iteration 1)", "l"],
    ),
    OddWorkflow(
        "run-from-a-loop",
        COUNTING_BLOCKS,
        COUNTING_EDGES,
        result=[12, 13],
        order=["f (iteration 0)", "f (iteration 1)", "l", "z"],
        more={"run_from": RunFrom("l", {"a": {"result": 12}})},
    ),
    OddWorkflow(
        "run-from-behind-a-loop",
        COUNTING_BLOCKS,
        COUNTING_EDGES,
        result=[7],
        order=["z"],
        more={"run_from": RunFrom("z", {"l": {"results": [[{"result": 7}]]}})},
    ),
    OddWorkflow(
        "run-from-behind-a-parallel-reads-the-outputs-of-its-first-branch",
        [START, parallel("p", 2), fn("f", "return 1", "p"), fn("z", "return <f.result>")],
        [*after("start p"), ("p", PARALLEL, "f"), ("p", AFTER_PARALLEL, "z")],
        result=7,
        order=["z"],
        more={"run_from": RunFrom("z", {"p": {"results": []}, "f₍0₎": {"result": 7}, "f₍1₎": {"result": 8}})},
    ),
    OddWorkflow(
        "run-from-within-a-loop-is-refused",
        COUNTING_BLOCKS,
        COUNTING_EDGES,
        error="Cannot run from a block inside a loop or parallel: f",
        more={"run_from": RunFrom("f", {"a": {"result": 1}})},
    ),
    OddWorkflow(
        "run-from-a-loop-and-stop-within-it",
        COUNTING_BLOCKS,
        COUNTING_EDGES,
        result=12,
        more={"run_from": RunFrom("l", {"a": {"result": 12}}), "stop_after_block_id": "f"},
    ),
)
