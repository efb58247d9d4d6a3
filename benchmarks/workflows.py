"""Workflows of the benchmarks."""

import itertools
import json
from collections.abc import Sequence
from typing import Any, Final

from tests.support.workflow_files import START, agent, block, function, response, start, workflow

Document = dict[str, Any]
TOKENS: Final = 200
ROUNDS: Final = 1_000
ANSWER: Final = response("answer", '{"ok": true}', name="Answer")


def no_op() -> Document:
    """Return a workflow of start and response only."""
    return _chain("no-op", start(), ANSWER)


def one_function() -> Document:
    """Return a workflow with one step of JavaScript."""
    return _chain("one function", start(), function("f", "return 1"), ANSWER)


def ten_blocks() -> Document:
    """Return a workflow of ten no-op blocks."""
    return idle_blocks(10)


def idle_blocks(count: int) -> Document:
    """Return a chain of no-op blocks, including the response."""
    return _chain(f"{count} blocks", start(), *(_idle(f"v{number}") for number in range(count - 1)), ANSWER)


def four_ways() -> Document:
    """Return a workflow with four parallel steps of JavaScript."""
    return _boxed("four ways", "parallel", {"parallelType": "count", "count": 4}, function("f", "return 1"))


def long_loop() -> Document:
    """Return a loop of 1,000 iterations over a no-op block."""
    return _boxed("loop", "loop", {"loopType": "for", "count": ROUNDS}, _idle("v"))


def indexed_loop(rounds: int) -> Document:
    """Return a loop over one function that reads the index, without a response."""
    return _boxed("index", "loop", {"loopType": "for", "count": rounds}, function("f", "return <loop.index>"), ())


def streaming(model: str) -> Document:
    """Return a workflow whose agent echoes its input word by word."""
    return _chain(f"stream of {model}", start(), agent("agent", model, "<start.input>"))


def words(count: int = TOKENS) -> str:
    """Return an input that is echoed as `count` tokens."""
    return " ".join(f"w{number:03d}" for number in range(count))


def stream_body() -> str:
    """Return the request body that streams the agent's output."""
    return json.dumps({"input": words(), "stream": True, "selectedOutputs": ["agent1.content"]})


def _idle(block_id: str) -> Document:
    return block(block_id, "variables", block_id.title(), variables=[])


def _chain(name: str, *blocks: Document) -> Document:
    return workflow(f"Bench {name}", blocks, *itertools.pairwise(each["id"] for each in blocks))


def _boxed(name: str, kind: str, data: Document, inner: Document, after: tuple[Document, ...] = (ANSWER,)) -> Document:
    box = {**block("box", kind, "Box"), "data": data}
    inner = {**inner, "data": {"parentId": "box", "extent": "parent"}}
    edges: Sequence[tuple[str, str] | tuple[str, str, str]] = (
        (START, "box"),
        ("box", inner["id"], f"{kind}-start-source"),
        *(("box", each["id"], f"{kind}-end-source") for each in after),
    )
    return workflow(f"Bench {name}", [start(), box, inner, *after], *edges)
