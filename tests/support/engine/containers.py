"""Loops and parallels, and blocks in them."""

import itertools
from typing import Any

from tests.support.engine.building import (
    START,
    Document,
    block,
    document,
)

from executor_service.engine import Call, RunResult
from shared.contracts.runs import RunStatus
from shared.workflow.format.references import parse_text


def inside(kind: str, data: dict[str, Any], *inner: Document, after: bool = False) -> Document:
    """Return start → container `C` around a chain of blocks → `Z`."""
    blocks = [START, block("C", kind, data=data), *inner, *([block("Z")] if after else [])]
    ids = [entry["id"] for entry in inner]
    edges: list[tuple[str, str | None, str]] = [("start", "source", "C"), ("C", f"{kind}-start-source", ids[0])]
    edges += [(a, "source", b) for a, b in itertools.pairwise(ids)]
    return document(blocks, [*edges, *([("C", f"{kind}-end-source", "Z")] if after else [])])


def child(block_id: str, text: str = "x", parent: str = "C") -> Document:
    return block(block_id, parent=parent, code=text)


def fills_in(call: Call) -> dict[str, Any]:
    """Return a block whose output is its code, a template text, filled in."""
    return {"result": call.resolver.text(parse_text(call.block.code.source if call.block.code else ""))}


def results(result: RunResult) -> Any:
    assert result.outcome.status is RunStatus.COMPLETED, result.outcome.error
    return [[output["result"] for output in one] for one in result.output["results"]]
