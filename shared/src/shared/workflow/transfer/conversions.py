"""Changes that let an imported workflow run here: an API start, and API blocks for other services' blocks."""

from typing import NamedTuple

from shared.workflow.catalog import Catalog, installed_catalog
from shared.workflow.catalog.replacements import Replacement, replacement_for
from shared.workflow.files.forms import json_text
from shared.workflow.format.js_values import Json, JsonObject, object_of, to_string
from shared.workflow.format.reader import read_state
from shared.workflow.format.references import normalize_name, parse_text, texts
from shared.workflow.format.start import choose_start, unserved_triggers


class Replaced(NamedTuple):
    """A block that became an API block."""

    name: str
    title: str
    secret: str


def with_api_start(state: JsonObject) -> tuple[JsonObject, str | None]:
    """Turn the first trigger that nothing fires into a start for API calls; return its name, None without a change.

    It declares the fields that other blocks read from it as inputs. Other such triggers are disabled.
    """
    read = read_state(state)
    triggers = unserved_triggers(read)
    if choose_start(read) is not None or not triggers:
        return state, None
    first, *others = triggers
    blocks = dict(object_of(state.get("blocks")))
    fields: list[Json] = [
        {"id": name, "name": name, "type": kind} for name, kind in _read_fields(state, first.name).items()
    ]
    blocks[first.id] = {
        **object_of(blocks[first.id]),
        "type": "start_trigger",
        "triggerMode": False,
        "subBlocks": {"inputFormat": {"id": "inputFormat", "type": "input-format", "value": fields}},
    }
    for other in others:
        blocks[other.id] = {**object_of(blocks[other.id]), "enabled": False}
    return {**state, "blocks": blocks}, first.name


def with_replacements(state: JsonObject, *, catalog: Catalog | None = None) -> tuple[JsonObject, list[Replaced]]:
    """Turn blocks for other services into API blocks where the call is known. Id, name and edges stay."""
    known = catalog or installed_catalog()
    blocks = dict(object_of(state.get("blocks")))
    replaced: list[Replaced] = []
    for block in read_state(state).blocks.values():
        found = None if known.spec(block.type) or block.trigger_mode else replacement_for(block.type)
        if found is None or not found.applies_to(block.value("operation")):
            continue
        values: JsonObject = {key: sub.value for key, sub in block.sub_blocks.items()}
        blocks[block.id] = {
            **object_of(blocks[block.id]),
            "type": "api",
            "subBlocks": _sub_blocks(found, values),
            "data": {key: item for key, item in block.data.items() if key != "canonicalModes"},
        }
        replaced.append(Replaced(block.name, found.title, found.secret))
    return {**state, "blocks": blocks}, replaced


def _sub_blocks(replacement: Replacement, values: JsonObject) -> JsonObject:
    settings = replacement.settings(values)
    headers = object_of(settings["headers"])
    rows: list[Json] = [
        {"id": f"row-{number}", "cells": {"Key": key, "Value": value}}
        for number, (key, value) in enumerate(headers.items(), 1)
    ]
    body = settings["body"]
    stored: list[tuple[str, str, Json]] = [
        ("method", "dropdown", settings["method"]),
        ("url", "short-input", settings["url"]),
        ("headers", "table", rows),
        ("body", "code", body if isinstance(body, str) else json_text(body)),
    ]
    if not isinstance(body, str):
        stored.append(("escapeValues", "switch", True))
    return {key: {"id": key, "type": kind, "value": value} for key, kind, value in stored}


def _read_fields(state: JsonObject, name: str) -> dict[str, str]:
    """Return the fields that references read from a block, with their types."""
    found: dict[str, str] = {}
    for text in texts(state.get("blocks")):
        for reference in parse_text(text).references:
            if reference.name == normalize_name(name) and reference.path:
                field = to_string(reference.path[0])
                is_object = len(reference.path) > 1 or found.get(field) == "object"
                found[field] = "object" if is_object else "string"
    return found
