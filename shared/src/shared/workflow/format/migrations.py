"""Migrations of older state formats. Pure: the given document never changes."""

import re
from typing import Final

from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import Json, JsonObject, stringify

_SOURCE_SIDES: Final = re.compile(r"source-(?:top|right|bottom|left)")


def migrate(document: JsonObject) -> JsonObject:
    """Return the state in its current format: variables as a map, repaired edge handles, agents with `messages`.

    The document must have passed `structure.structure_problems`.
    """
    migrated = dict(document)
    blocks, edges, variables = document.get("blocks"), document.get("edges"), document.get("variables")
    if isinstance(blocks, dict):
        migrated["blocks"] = {key: _block(block) for key, block in blocks.items()}
    if isinstance(edges, list):
        migrated["edges"] = [_edge(edge) for edge in edges]
    if isinstance(variables, list):
        migrated["variables"] = _key_variables(variables)
    return migrated


def _key_variables(variables: list[Json]) -> JsonObject:
    keyed: JsonObject = {}
    for index, variable in enumerate(variables):
        if isinstance(variable, dict):
            key = variable.get("id")
            keyed[key if isinstance(key, str) and key else f"variable-{index}"] = variable
    return keyed


def _edge(edge: Json) -> Json:
    handle = edge.get("sourceHandle") if isinstance(edge, dict) else None
    if isinstance(edge, dict) and isinstance(handle, str) and _SOURCE_SIDES.fullmatch(handle):
        return {**edge, "sourceHandle": "source"}
    return edge


def _block(block: Json) -> Json:
    if not isinstance(block, dict) or block.get("type") != "agent" or not isinstance(block.get("subBlocks"), dict):
        return block
    return {**block, "subBlocks": _agent(block["subBlocks"])}


def _agent(sub_blocks: Json) -> JsonObject:
    migrated = dict(sub_blocks) if isinstance(sub_blocks, dict) else {}
    messages = _messages(migrated)
    if messages is not None:
        migrated["messages"] = {"id": "messages", "type": "messages-input", "value": messages}
        migrated.pop("systemPrompt", None)
        migrated.pop("userPrompt", None)
    tools = migrated.get("tools")
    if isinstance(tools, dict) and tools.get("value"):
        migrated["tools"] = {**tools, "value": _tools(tools.get("value"))}
    return migrated


def _messages(sub_blocks: JsonObject) -> list[Json] | None:
    """Return the messages to store, None to keep the stored ones."""
    stored = _value(sub_blocks, "messages")
    if isinstance(stored, list) and stored:
        return None
    if parsed := parse_list(stored):
        return parsed
    prompts = (("system", _value(sub_blocks, "systemPrompt")), ("user", _value(sub_blocks, "userPrompt")))
    return [{"role": role, "content": _prompt(value)} for role, value in prompts if value] or None


def _prompt(value: Json) -> str:
    if isinstance(value, dict) and "input" in value:
        value = value["input"]
    return value if isinstance(value, str) else stringify(value)


def _tools(value: Json) -> list[Json]:
    """Return the well-formed tools."""
    return [tool for tool in parse_list(value) if isinstance(tool, dict) and isinstance(tool.get("type"), str)]


def _value(sub_blocks: JsonObject, key: str) -> Json:
    sub_block = sub_blocks.get(key)
    return sub_block.get("value") if isinstance(sub_block, dict) else None
