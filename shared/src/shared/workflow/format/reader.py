"""Read a raw document into the typed state."""

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from shared.errors import InvalidWorkflow
from shared.workflow.format.js_values import Json, JsonObject, object_of, to_number, to_string, truthy
from shared.workflow.format.migrations import migrate
from shared.workflow.format.models import (
    Block,
    Edge,
    LoopConfig,
    ParallelConfig,
    RetryPolicy,
    SubBlock,
    Variable,
    WorkflowState,
)
from shared.workflow.format.references import normalize_name
from shared.workflow.format.structure import structure_problems

_MAX_BATCH: Final = 20
_CUSTOM_BLOCK: Final = "custom_block_"
"""Sim stores their definition in its database: imported workflows run without these blocks and their edges."""


def read_state(document: Json) -> WorkflowState:
    """Read a stored or received state `{blocks, edges, …}`. Raises InvalidWorkflow with every structural problem."""
    problems = structure_problems(document)
    if problems or not isinstance(document, dict):
        raise InvalidWorkflow(f"Invalid workflow: {'; '.join(problems)}", details=problems)
    return _read(migrate(document))


def _read(document: JsonObject) -> WorkflowState:
    blocks = {key: _block(key, raw) for key, raw in _objects(document.get("blocks"))}
    left_out = {key: blocks.pop(key) for key in list(blocks) if blocks[key].type.startswith(_CUSTOM_BLOCK)}
    children = _children(blocks)
    ids_by_name: dict[str, str] = {}
    for block in blocks.values():
        if block.type != "note":
            ids_by_name.setdefault(normalize_name(block.name), block.id)
    raw_edges = document.get("edges")
    edges = [_edge(raw) for raw in raw_edges if isinstance(raw, dict)] if isinstance(raw_edges, list) else []
    return WorkflowState(
        blocks=blocks,
        edges=tuple(edge for edge in edges if left_out.keys().isdisjoint((edge.source, edge.target))),
        loops={b.id: _loop(b, children) for b in blocks.values() if b.type == "loop"},
        parallels={b.id: _parallel(b, children) for b in blocks.values() if b.type == "parallel"},
        variables={key: _variable(key, raw) for key, raw in _objects(document.get("variables"))},
        metadata=object_of(document.get("metadata")),
        ids_by_name=ids_by_name,
        left_out=tuple(left_out.values()),
    )


def _objects(value: Json) -> Iterator[tuple[str, JsonObject]]:
    if isinstance(value, dict):
        yield from ((key, item) for key, item in value.items() if isinstance(item, dict))


def _text(value: Json, default: str = "") -> str:
    return value if isinstance(value, str) else default


def _block(block_id: str, raw: JsonObject) -> Block:
    block_type = _text(raw.get("type"))
    return Block(
        id=block_id,
        type=block_type,
        name=_text(raw.get("name")) or block_type,
        enabled=raw.get("enabled") is not False,
        sub_blocks={key: _sub_block(key, sub) for key, sub in _objects(raw.get("subBlocks"))},
        data=object_of(raw.get("data")),
        retry=_retry(raw.get("retry")),
        advanced_mode=truthy(raw.get("advancedMode")),
        trigger_mode=truthy(raw.get("triggerMode")),
    )


def _sub_block(key: str, raw: JsonObject) -> SubBlock:
    return SubBlock(id=key, type=_text(raw.get("type"), "short-input"), value=raw.get("value"))


def _retry(raw: Json) -> RetryPolicy | None:
    if not isinstance(raw, dict) or not truthy(raw.get("enabled")):
        return None
    return RetryPolicy(
        max_tries=_clamp(raw.get("maxTries"), default=3, low=2, high=5),
        wait_ms=_clamp(raw.get("waitBetweenTriesMs"), default=1000, low=0, high=5000),
    )


def _clamp(value: Json, *, default: int, low: int, high: int) -> int:
    is_given = isinstance(value, int | float) or (isinstance(value, str) and bool(value.strip()))
    number = to_number(value) if is_given else default
    return int(min(max(number, low), high)) if not math.isnan(number) else default


def _edge(raw: JsonObject) -> Edge:
    return Edge(
        id=_text(raw.get("id")),
        source=_text(raw.get("source")),
        target=_text(raw.get("target")),
        source_handle=_text(raw.get("sourceHandle")) or None,
        target_handle=_text(raw.get("targetHandle")) or None,
    )


def _variable(key: str, raw: JsonObject) -> Variable:
    return Variable(
        id=key,
        name=_text(raw.get("name"), key),
        type=_text(raw.get("type"), "plain"),
        value=raw.get("value"),
    )


def _children(blocks: dict[str, Block]) -> dict[str, list[str]]:
    children: dict[str, list[str]] = defaultdict(list)
    for block in blocks.values():
        if block.parent_id is not None:
            children[block.parent_id].append(block.id)
    return children


def _loop(block: Block, children: dict[str, list[str]]) -> LoopConfig:
    count = block.data.get("count")
    collection = block.data.get("collection")
    kind = block.data.get("loopType")
    return LoopConfig(
        id=block.id,
        nodes=tuple(children.get(block.id, ())),
        loop_type=to_string(kind) if truthy(kind) else "for",
        iterations=count if truthy(count) else 5,
        for_each_items=collection if truthy(collection) else "",
        while_condition=_text(block.data.get("whileCondition")),
        do_while_condition=_text(block.data.get("doWhileCondition")),
        enabled=block.enabled,
    )


def _parallel(block: Block, children: dict[str, list[str]]) -> ParallelConfig:
    count = block.data.get("count")
    collection = block.data.get("collection")
    kind = block.data.get("parallelType")
    return ParallelConfig(
        id=block.id,
        nodes=tuple(children.get(block.id, ())),
        parallel_type="count" if not truthy(kind) or kind == "count" else "collection",
        count=count if truthy(count) else 5,
        distribution=collection if truthy(collection) else "",
        batch_size=_clamp(block.data.get("batchSize"), default=_MAX_BATCH, low=1, high=_MAX_BATCH),
        enabled=block.enabled,
    )
