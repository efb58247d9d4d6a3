"""Structural validation of workflow documents, listing every problem."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from shared.workflow.format.js_values import Json, JsonObject

MAX_DEPTH: Final = 100
"""Maximum depth of a document's values, so that later code may recurse."""


def structure_problems(document: Json) -> list[str]:
    """Return why a document cannot be read as `{blocks, edges, …}`; empty if it can."""
    if not isinstance(document, dict):
        return ["Workflow must be an object"]
    blocks = document.get("blocks")
    if not isinstance(blocks, dict):
        return ["Missing or invalid field: blocks"]  # not a workflow: other problems would be noise
    if _is_deeper_than(document, MAX_DEPTH):
        return [f"Workflow is nested more than {MAX_DEPTH} levels deep"]
    return [
        *_blocks(blocks),
        *_edges(document.get("edges")),
        *_containers(document),
        *_variables(document.get("variables")),
    ]


def _is_deeper_than(document: JsonObject, limit: int) -> bool:
    level: list[Json] = [document]
    for _ in range(limit):
        level = [child for value in level for child in _children(value)]
    return bool(level)


def _children(value: Json) -> Iterable[Json]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _blocks(blocks: JsonObject) -> Iterator[str]:
    for key, block in blocks.items():
        if isinstance(block, dict):
            yield from _block(key, block)
        else:
            yield f"Block {key} must be an object"
    yield from _repeated("block", [block.get("id") for block in blocks.values() if isinstance(block, dict)])


def _block(key: str, block: JsonObject) -> Iterator[str]:
    for field in ("id", "type"):
        value = block.get(field)
        if not isinstance(value, str) or not value:
            yield f"Block {key} missing required field: {field}"
    if isinstance(block.get("id"), str) and block["id"] not in ("", key):
        yield f"Block {key} has another id inside: {block['id']}"
    if not isinstance(block.get("name"), str | None):
        yield f"Block {key} has an invalid field: name (must be text)"
    if "position" in block and not _is_position(block["position"]):
        yield f"Block {key} has an invalid field: position (x and y must be numbers)"
    yield from _sub_blocks(key, block.get("subBlocks"))
    if not isinstance(block.get("data"), dict | None):
        yield f"Block {key} has an invalid field: data (must be an object)"


def _sub_blocks(key: str, sub_blocks: Json) -> Iterator[str]:
    if not isinstance(sub_blocks, dict | None):
        yield f"Block {key} has an invalid field: subBlocks (must be an object)"
        return
    for name, sub_block in (sub_blocks or {}).items():
        if not isinstance(sub_block, dict | None):
            yield f"Block {key} has an invalid sub-block: {name} (must be an object with id, type and value)"


def _is_position(value: Json) -> bool:
    return isinstance(value, dict) and all(
        isinstance(value.get(axis), int | float) and not isinstance(value.get(axis), bool) for axis in "xy"
    )


def _edges(edges: Json) -> Iterator[str]:
    if not isinstance(edges, list):
        yield "Missing or invalid field: edges (must be an array)"
        return
    for index, edge in enumerate(edges):
        if not isinstance(edge, dict):
            yield f"Edge at index {index} must be an object"
            continue
        for field in ("id", "source", "target"):
            value = edge.get(field)
            if not isinstance(value, str) or not value:
                yield f"Edge at index {index} missing required field: {field}"
    yield from _repeated("edge", [edge.get("id") for edge in edges if isinstance(edge, dict)])


def _repeated(what: str, ids: list[Json]) -> Iterator[str]:
    counts = Counter(item for item in ids if isinstance(item, str) and item)
    yield from (f"Duplicate {what} id: {item}" for item, count in counts.items() if count > 1)


def _containers(document: JsonObject) -> Iterator[str]:
    for field in ("loops", "parallels", "metadata"):
        if not isinstance(document.get(field), dict | None):
            yield f"Invalid field: {field} (must be an object)"


def _variables(variables: Json) -> Iterator[str]:
    if not isinstance(variables, dict | list | None):
        yield "Invalid field: variables (must be an object)"
        return
    entries = variables.values() if isinstance(variables, dict) else variables or []
    if not all(isinstance(entry, dict) for entry in entries):
        yield "Invalid field: variables (every variable must be an object)"
