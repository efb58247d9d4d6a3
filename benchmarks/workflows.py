"""Workflows of the benchmarks."""

import itertools
import json
from collections.abc import Sequence
from typing import Any, Final

from tests.support.workflow_files import START, agent, block, function, response, start, workflow

Document = dict[str, Any]
TOKENS: Final = 200
ANSWER: Final = response("answer", '{"ok": true}', name="Answer")


def no_op() -> Document:
    """Return a workflow of start and response only."""
    return _chain("no-op", start(), ANSWER)


def one_function(language: str) -> Document:
    """Return a workflow with one step of code."""
    return _chain(f"one function of {language}", start(), _code("f", language), ANSWER)


def ten_blocks() -> Document:
    """Return a chain of ten no-op blocks, including the response."""
    idle = (block(f"v{number}", "variables", f"V{number}", variables=[]) for number in range(9))
    return _chain("ten blocks", start(), *idle, ANSWER)


def four_ways(language: str) -> Document:
    """Return a workflow with four parallel steps of code."""
    return _boxed(f"four ways of {language}", "parallel", {"parallelType": "count", "count": 4}, _code("f", language))


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


def _code(block_id: str, language: str) -> Document:
    return block(block_id, "function", "Function 1", code="return 1", language=language)


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
