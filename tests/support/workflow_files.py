"""Workflow files in the export format, written in a line or two each."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

JsonObject = dict[str, Any]

START = "start"


def block(block_id: str, kind: str, name: str, **values: Any) -> JsonObject:
    """Return a block; `values` are its sub-blocks."""
    sub_blocks = {key: {"id": key, "type": "short-input", "value": value} for key, value in values.items()}
    return {
        "id": block_id,
        "type": kind,
        "name": name,
        "position": {"x": 0, "y": 0},
        "enabled": True,
        "subBlocks": sub_blocks,
        "outputs": {},
        "data": {},
    }


def start(**fields: str) -> JsonObject:
    """Return the start block, with input fields and their types."""
    declared = [{"id": name, "name": name, "type": field, "value": ""} for name, field in fields.items()]
    return block(START, "start_trigger", "Start", inputFormat=declared)


def agent(block_id: str, model: str, user: str, *, name: str = "Agent 1", **values: Any) -> JsonObject:
    """Return an agent that sends `user` to `model`."""
    messages = [{"role": "user", "content": user}]
    return block(block_id, "agent", name, model=model, messages=messages, **values)


def function(block_id: str, code: str, *, name: str = "Function 1") -> JsonObject:
    """Return a block that runs JavaScript."""
    return block(block_id, "function", name, code=code, language="javascript")


def response(block_id: str, data: str, *, name: str = "Response 1", status: int = 200) -> JsonObject:
    """Return a response block."""
    return block(block_id, "response", name, dataMode="json", data=data, status=str(status))


def condition(block_id: str, branches: Mapping[str, str], *, name: str = "Condition 1") -> JsonObject:
    """Return a condition: titles (`if`, `else if`, `else`) with expressions; edges leave from `handle(block_id,
    title)`."""
    entries = [{"id": f"{block_id}-{title}", "title": title, "value": value} for title, value in branches.items()]
    return block(block_id, "condition", name, conditions=json.dumps(entries))


def handle(condition_id: str, title: str) -> str:
    """Return the source handle of a branch."""
    return f"condition-{condition_id}-{title}"


def workflow(name: str, blocks: Sequence[JsonObject], *edges: tuple[str, str] | tuple[str, str, str]) -> JsonObject:
    """Return the file; an edge is source and target, and the source's handle where it has one."""
    return {
        "version": "1.0",
        "exportedAt": "2026-01-01T00:00:00.000Z",
        "workflow": {"name": name},
        "state": {
            "blocks": {each["id"]: each for each in blocks},
            "edges": [_edge(number, *edge) for number, edge in enumerate(edges)],
            "loops": {},
            "parallels": {},
            "variables": {},
        },
    }


def _edge(number: int, source: str, target: str, source_handle: str = "source") -> JsonObject:
    return {
        "id": f"e{number}",
        "source": source,
        "target": target,
        "sourceHandle": source_handle,
        "targetHandle": "target",
    }
