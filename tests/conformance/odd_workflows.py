"""Workflows that were not observed but whose result follows from the rules, each with that result."""

from dataclasses import dataclass, field
from typing import Any

from tests.support.engine.building import START, Document, block, chain

Edge = tuple[str, str | None, str]
LOOP, AFTER_LOOP = "loop-start-source", "loop-end-source"
PARALLEL, AFTER_PARALLEL = "parallel-start-source", "parallel-end-source"
CHILD = chain(block("r", "response", dataMode="structured", builderData=[{"name": "c", "value": "1"}]))


@dataclass(frozen=True)
class OddWorkflow:
    """A workflow and its expectations: a function's result or the whole output, an error, the order of blocks."""

    id: str
    blocks: list[Document]
    edges: list[Edge]
    result: Any = None
    output: Any = None
    error: str | None = None
    order: list[str] | None = None
    more: dict[str, Any] = field(default_factory=dict)


def fn(block_id: str, code: str, parent: str | None = None, **more: Any) -> Document:
    return block(block_id, code=code, parent=parent, **more)


def loop(block_id: str, parent: str | None = None, **data: Any) -> Document:
    return block(block_id, "loop", parent=parent, data={"loopType": "for", **data})


def parallel(block_id: str, count: int = 2, parent: str | None = None, **data: Any) -> Document:
    return block(block_id, "parallel", parent=parent, data={"parallelType": "count", "count": count, **data})


def choice(block_id: str, expression: str, parent: str | None = None) -> Document:
    branches = [
        {"id": f"{block_id}-if", "title": "if", "value": expression},
        {"id": f"{block_id}-else", "title": "else"},
    ]
    return block(block_id, "condition", parent=parent, conditions=branches)


def answer(block_id: str, value: str, parent: str | None = None) -> Document:
    fields = [{"name": "v", "type": "string", "value": value}]
    return block(block_id, "response", parent=parent, dataMode="structured", builderData=fields)


def answered(value: Any) -> Any:
    return {"data": {"v": value}, "status": 200, "headers": {"Content-Type": "application/json"}}


def either(condition: str, yes: str, no: str) -> list[Edge]:
    return [(condition, f"condition-{condition}-if", yes), (condition, f"condition-{condition}-else", no)]


def after(*pairs: str) -> list[Edge]:
    """Return plain edges: `a b` leads from a to b."""
    return [(source, "source", target) for source, target in (pair.split() for pair in pairs)]


JOINS = (
    OddWorkflow(
        "a-join-of-an-inactive-and-an-active-branch-waits-for-the-active-one",
        [
            START,
            choice("c", "false"),
            fn("x", "return 'x'"),
            fn("y", "return 'y'"),
            fn("s", "return 's'"),
            fn("j", "return [<x.result>, <y.result>, <s.result>]"),
        ],
        [*after("start c", "start s", "x j", "y j", "s j"), *either("c", "x", "y")],
        result=[None, "y", "s"],
    ),
    OddWorkflow(
        "a-block-that-both-branches-lead-to-runs-once",
        [START, choice("c", "false"), fn("j", "return 'j'")],
        [*after("start c"), *either("c", "j", "j")],
        result="j",
        order=["start", "c", "j"],
    ),
    OddWorkflow(
        "a-join-of-inactive-branches-never-runs",
        [START, choice("c", "false"), fn("a", "return 1"), fn("b", "return 1"), fn("j", "return 1")],
        [*after("start c", "a j", "b j"), ("c", "condition-c-if", "a"), ("c", "condition-c-if", "b")],
        output={},
        order=["start", "c"],
    ),
    OddWorkflow(
        "a-block-after-an-inactive-container-does-not-wait-for-it",
        [
            START,
            choice("c", "false"),
            loop("l", count=2),
            fn("f", "return 1", "l"),
            fn("a", "return 1"),
            fn("e", "return 'e'"),
            fn("j", "return [<a.result>, <e.result>, <l.results>]"),
        ],
        [*after("start c", "a j", "e j"), *either("c", "l", "e"), ("l", LOOP, "f"), ("l", AFTER_LOOP, "a")],
        result=[None, "e", None],
        order=["start", "c", "e", "j"],
    ),
    OddWorkflow(
        "an-error-handler-a-condition-and-the-error-edge-join",
        [
            START,
            fn("a", "throw 'x'"),
            fn("h", "return 'h'"),
            choice("c", "<h.result> === 'h'"),
            fn("y", "return 'y'"),
            fn("n", "return 'n'"),
            fn("j", "return [<a.error>, <h.result>, <y.result>, <n.result>]"),
        ],
        [*after("start a", "h c", "y j", "n j"), ("a", "error", "h"), ("a", "error", "j"), *either("c", "y", "n")],
        result=["x", "h", "y", None],
    ),
    OddWorkflow(
        "two-containers-join-in-one-block",
        [
            START,
            loop("l", count=2),
            fn("f", "return <loop.index>", "l"),
            parallel("p"),
            fn("g", "return <parallel.index>", "p"),
            fn("j", "return [<l.results>.length, <p.results>.length, <f.result>, <g.result>]"),
        ],
        [
            *after("start l", "start p"),
            ("l", LOOP, "f"),
            ("p", PARALLEL, "g"),
            ("l", AFTER_LOOP, "j"),
            ("p", AFTER_PARALLEL, "j"),
        ],
        result=[2, 2, 1, 0],
    ),
)

CHOICES = (
    OddWorkflow(
        "a-condition-may-read-any-environment-value",
        [START, choice("c", "environmentVariables.STAGE === 'live'"), fn("y", "return 'y'"), fn("n", "return 'n'")],
        [*after("start c"), *either("c", "y", "n")],
        result="y",
        more={"environment": {"STAGE": "live"}},
    ),
    OddWorkflow(
        "a-loop-condition-may-read-any-environment-value",
        [
            START,
            loop("l", loopType="while", whileCondition="<loop.index> < Number(environmentVariables.ROUNDS)"),
            fn("f", "return 1", "l"),
        ],
        [*after("start l"), ("l", LOOP, "f")],
        order=["start", "f (iteration 0)", "f (iteration 1)", "l"],
        more={"environment": {"ROUNDS": "2"}},
    ),
)

CONTAINERS = (
    OddWorkflow(
        "an-error-edge-in-a-loop-applies-only-to-its-iteration",
        [
            START,
            loop("l", count=3),
            fn("f", "if (<loop.index> == 1) throw 'x'; return 1", "l"),
            fn("h", "return <f.error>", "l"),
        ],
        [*after("start l"), ("l", LOOP, "f"), ("f", "error", "h")],
        order=["start", "f (iteration 0)", "f (iteration 1)!handled", "h (iteration 1)", "f (iteration 2)", "l"],
    ),
    OddWorkflow(
        "each-branch-has-separate-retries",
        [
            START,
            parallel("p"),
            fn("f", "throw 'x'", "p", retry={"enabled": True, "maxTries": 2, "waitBetweenTriesMs": 0}),
            fn("h", "return <parallel.index>", "p"),
            fn("z", "return <p.results>.map(r => r[1].result)"),
        ],
        [*after("start p"), ("p", PARALLEL, "f"), ("f", "error", "h"), ("p", AFTER_PARALLEL, "z")],
        result=[0, 1],
    ),
    OddWorkflow(
        "every-edge-out-of-a-container-is-its-exit-whatever-its-handle",
        [START, loop("l", count=1), fn("f", "return 1", "l"), fn("a", "return 'after'")],
        [*after("start l"), ("l", LOOP, "f"), ("l", "error", "a")],
        result="after",
    ),
    OddWorkflow(
        "a-container-that-cannot-start-fails-the-run-despite-an-error-edge",
        [
            START,
            parallel("p", 1),
            loop("l", "p", loopType="forEach", collection="<s.result>"),
            fn("f", "return 1", "l"),
            fn("h", "return 1", "p"),
            fn("s", "return 5"),
        ],
        [*after("start s", "s p"), ("p", PARALLEL, "l"), ("l", LOOP, "f"), ("l", "error", "h")],
        error="ForEach loop resolution failed: Value did not resolve to an array or object",
    ),
    OddWorkflow(
        "conditions-and-joins-in-parallel-branches-are-independent",
        [
            START,
            parallel("p"),
            choice("c", "<parallel.index> == 0", "p"),
            fn("x", "return 'x'", "p"),
            fn("y", "return 'y'", "p"),
            fn("j", "return [<x.result>, <y.result>]", "p"),
            fn("z", "return <p.results>.map(r => r[r.length - 1].result)"),
        ],
        [*after("start p", "x j", "y j"), ("p", PARALLEL, "c"), *either("c", "x", "y"), ("p", AFTER_PARALLEL, "z")],
        result=[["x", None], [None, "y"]],
    ),
    OddWorkflow(
        "a-sibling-reads-the-results-of-the-nested-container-in-its-own-branch",
        [
            START,
            parallel("p"),
            loop("l", "p", count=2),
            fn("f", "return <p.index> * 10 + <loop.index>", "l"),
            parallel("q", parent="p", parallelType="collection", collection="<l.results>"),
            fn("g", "return <q.currentItem[0].result> + 1", "q"),
            fn("z", "return <p.results>.map(b => b[1].results.map(r => r[0].result))"),
        ],
        [
            *after("start p"),
            ("p", PARALLEL, "l"),
            ("l", LOOP, "f"),
            ("l", AFTER_LOOP, "q"),
            ("q", PARALLEL, "g"),
            ("p", AFTER_PARALLEL, "z"),
        ],
        result=[[1, 2], [11, 12]],
    ),
    OddWorkflow(
        "an-unknown-loop-type-fails-the-run",
        [START, loop("l", loopType="foreach", collection=[1]), fn("f", "return 1", "l")],
        [*after("start l"), ("l", LOOP, "f")],
        error="Unknown loop type: foreach",
    ),
    OddWorkflow(
        "the-error-for-an-invalid-count-names-the-container",
        [START, {**loop("l", count="<start.n>"), "name": "Each Day"}, fn("f", "return 1", "l")],
        [*after("start l"), ("l", LOOP, "f")],
        error='Each Day: Loop count must be a number of zero or more, not "<start.n>"',
    ),
    *(
        OddWorkflow(
            f"a-loop-condition-parses-the-text-{text.strip()}-as-a-boolean",
            [START, loop("l", loopType="doWhile", doWhileCondition=condition), fn("f", f"return {text!r}", "l")],
            [*after("start l"), ("l", LOOP, "f")],
            order=["start", "f (iteration 0)", "l"],
        )
        for text, condition in (
            ("false", "<f.result> && <loop.index> < 9"),
            (" False ", "<f.result> && <loop.index> < 9"),
            ("TRUE", "<f.result> !== true && <loop.index> < 9"),
        )
    ),
    OddWorkflow(
        "a-dead-end-in-an-iteration-does-not-end-the-loop",
        [
            START,
            loop("l", count=3),
            choice("c", "<loop.index> == 1", "l"),
            fn("x", "return 1", "l"),
            fn("z", "return <l.results>.map(r => r.length)"),
        ],
        [*after("start l"), ("l", LOOP, "c"), ("c", "condition-c-if", "x"), ("l", AFTER_LOOP, "z")],
        result=[1, 2, 1],
    ),
    OddWorkflow(
        "a-reference-into-a-loop-is-null-before-it-and-the-last-value-after-it",
        [
            START,
            fn("a", "return [<f.result>, <l.results>]"),
            loop("l", count=3),
            fn("f", "return <loop.index>", "l"),
            fn("z", "return [<a.result>, <f.result>, <l.result[1][0].result>]"),
        ],
        [*after("start a", "a l"), ("l", LOOP, "f"), ("l", AFTER_LOOP, "z")],
        result=[[None, None], 2, 1],
    ),
    OddWorkflow(
        "blocks-after-a-disabled-block-run-in-no-iteration",
        [
            START,
            loop("l", count=2),
            fn("f", "return 1", "l"),
            fn("g", "return 1", "l", enabled=False),
            fn("k", "return 1", "l"),
        ],
        [*after("start l", "f g", "g k"), ("l", LOOP, "f")],
        order=["start", "f (iteration 0)", "f (iteration 1)", "l"],
    ),
    OddWorkflow(
        "an-edge-across-the-boundary-of-a-container-is-ignored",
        [START, loop("l", count=1), fn("f", "return 1", "l"), fn("o", "return 1")],
        [*after("start l", "f o", "start f"), ("l", LOOP, "f")],
        order=["start", "f (iteration 0)", "l"],
    ),
)
