"""JSON Schema of workflow files, from the catalog: for completion and checks in editors."""

import math
from typing import Final

from shared.workflow.catalog import BlockSpec, Catalog, Category, SubBlockSpec
from shared.workflow.files.names import BLOCK_KEYS, BRANCHING, FLAGS, TERMINAL, TYPE_ALIASES
from shared.workflow.format.input_format import FIELD_TYPES
from shared.workflow.format.js_values import Json, JsonObject

SCHEMA_PATH: Final = "/schemas/workflow.json"
"""Where a gateway serves the schema."""
_FIELD_TYPES: Final[list[Json]] = [*FIELD_TYPES]
_VARIABLE_TYPES: Final[list[Json]] = ["string", "number", "boolean", "object", "array", "plain"]
_TEXT: Final[JsonObject] = {"type": "string"}
_MAPPING: Final[JsonObject] = {"type": "object"}
_REFERENCE: Final[JsonObject] = {"type": "string", "pattern": "<[^<>]+>|\\{\\{[^{}]+\\}\\}"}
_NUMBER_TEXT: Final[JsonObject] = {
    "type": "string",
    "pattern": "<[^<>]+>|\\{\\{[^{}]+\\}\\}|^[0-9.eE+-]+$",
}
_TARGETS: Final[JsonObject] = {
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
}
_RETRY: Final[JsonObject] = {
    "type": "object",
    "description": "Retries of the failing block.",
    "properties": {
        "maxTries": {"type": "integer", "minimum": 2, "maximum": 5},
        "waitBetweenTriesMs": {"type": "integer", "minimum": 0, "maximum": 5000},
    },
}


def file_schema(catalog: Catalog) -> JsonObject:
    """Return the JSON Schema (draft 7) of workflow files with these block types."""
    specs = list(catalog)
    definitions: JsonObject = {
        "targets": _TARGETS,
        "retry": _RETRY,
        "input": _input(),
        "block": {"oneOf": [{"$ref": f"#/definitions/{spec.type}"} for spec in specs]},
        **{spec.type: _block(spec) for spec in specs},
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$comment": "Generated from the catalog of block types; `make docs` writes docs/workflow.schema.json.",
        "title": "Flowport workflow",
        "type": "object",
        "required": ["blocks"],
        "additionalProperties": False,
        "properties": {
            "name": {**_TEXT, "description": "Name of the workflow."},
            "description": {**_TEXT, "description": "What the workflow does."},
            "variables": {
                "type": "object",
                "description": "Workflow variables by name: a value, or a type and a value.",
                "additionalProperties": {"anyOf": [_variable(), {"not": {"type": "object", "required": ["type"]}}]},
            },
            "blocks": {
                "type": "object",
                "minProperties": 1,
                "description": "Blocks by name. A block that no other one names follows the block above it.",
                "additionalProperties": {"$ref": "#/definitions/block"},
            },
            "edges": {
                "type": "array",
                "description": "All connections. With this list, none follows from the order of blocks.",
                "items": {
                    "type": "object",
                    "required": ["from", "to"],
                    "additionalProperties": False,
                    "properties": {"from": _TEXT, "handle": _TEXT, "to": _TEXT, "into": {"type": ["string", "null"]}},
                },
            },
            "edgeIds": {
                "type": "object",
                "description": "Ids of connections in exported files, by id: [from, to], or [from, handle, to].",
                "additionalProperties": {"type": "array", "items": _TEXT, "minItems": 2, "maxItems": 3},
            },
        },
        "definitions": definitions,
    }


def _block(spec: BlockSpec) -> JsonObject:
    names: list[Json] = [spec.type, *(alias for alias, kind in TYPE_ALIASES.items() if kind == spec.type)]
    properties: JsonObject = {
        "type": {"enum": names, "description": f"{spec.title}: {spec.description}."},
        "name": {**_TEXT, "description": "Display name, if it differs from the key."},
        "id": {**_TEXT, "description": "Id of the block; default: that of the draft's block with this name."},
        "enabled": {"type": "boolean", "default": True},
        "layout": {
            "type": "array",
            "description": "Position on the canvas: [x, y], or [x, y, width, height] of a loop or parallel.",
            "items": {"type": "number"},
            "minItems": 2,
            "maxItems": 4,
        },
        "settings": {**_MAPPING, "description": "Settings as stored, without short forms."},
        "blockData": _MAPPING,
        **{flag: {"type": "boolean", "default": default} for flag, default in FLAGS.items()},
    }
    if spec.category is not Category.NOTE:
        properties |= _connections(spec)
    for setting in spec.sub_blocks:
        key = "inputs" if setting.id == "inputFormat" else setting.id
        if setting.id not in BRANCHING.values() and (key == "inputs" or key not in BLOCK_KEYS):
            properties[key] = setting_schema(setting)
    return {
        "type": "object",
        "required": ["type", *_required(spec)],
        "additionalProperties": False,
        "properties": properties,
    }


def _required(spec: BlockSpec) -> list[Json]:
    always = [
        setting
        for setting in spec.sub_blocks
        if setting.required and setting.condition is None and setting.default is None and not setting.canonical_id
    ]
    return [setting.id for setting in always if setting.id not in BLOCK_KEYS]


def _connections(spec: BlockSpec) -> JsonObject:
    found: JsonObject = {}
    if spec.type in BRANCHING:
        found["branches"] = _branches(spec.type)
    if spec.type not in TERMINAL or spec.type == "router":
        found["next"] = {
            "$ref": "#/definitions/targets",
            "description": "The blocks that follow; [] for none.",
        }
    if spec.has_error_port:
        found["on_error"] = {"$ref": "#/definitions/targets", "description": "The blocks that follow an error."}
    if spec.retryable:
        found["retry"] = {"$ref": "#/definitions/retry"}
    if spec.is_container:
        found |= _container(spec.type)
    return found


def _container(kind: str) -> JsonObject:
    found: JsonObject = {
        "blocks": {"type": "object", "additionalProperties": {"$ref": "#/definitions/block"}},
        "start": {"$ref": "#/definitions/targets", "description": "The first blocks inside."},
        "count": {"description": "Number of iterations or branches.", "type": ["number", "string"]},
        "collection": {"description": "A list, or a reference to one.", "type": ["string", "array", "object"]},
    }
    if kind == "parallel":
        return {**found, "batchSize": {"type": "integer", "minimum": 1, "maximum": 20}}
    return {
        **found,
        "while": {**_TEXT, "description": "JavaScript expression, evaluated before each iteration."},
        "do_while": {**_TEXT, "description": "JavaScript expression, evaluated after each iteration."},
    }


def _branches(kind: str) -> JsonObject:
    targets: JsonObject = {"$ref": "#/definitions/targets"}
    if kind == "router_v2":
        properties: JsonObject = {
            "route": {**_TEXT, "description": "Title of the route."},
            "when": {**_TEXT, "description": "When the model should choose it."},
            "next": targets,
            "id": _TEXT,
        }
        return {
            "type": "array",
            "items": {"type": "object", "required": ["when"], "additionalProperties": False, "properties": properties},
        }
    expression: JsonObject = {"type": ["string", "boolean", "number"], "description": "JavaScript expression."}
    items: list[Json] = [
        {
            "type": "object",
            "required": [title],
            "additionalProperties": False,
            "properties": {title: expression, "next": targets, "id": _TEXT},
        }
        for title in ("if", "else if")
    ]
    otherwise: JsonObject = {
        "type": "object",
        "required": ["else"],
        "additionalProperties": False,
        "properties": {"else": {"anyOf": [targets, {"type": "null"}]}, "next": targets, "id": _TEXT},
    }
    return {
        "type": "array",
        "description": "The first branch whose expression is true is followed.",
        "items": {"anyOf": [*items, otherwise]},
    }


def setting_schema(setting: SubBlockSpec) -> JsonObject:
    """Return the schema of a setting in a file."""
    about: JsonObject = {"description": setting.title}
    if setting.default is not None:
        about["default"] = setting.default
    literals: list[Json] = list(setting.options or setting.values)
    if literals:
        about["anyOf"] = [{"enum": literals}, _REFERENCE]
    elif setting.number is not None:
        number: JsonObject = {"type": "integer" if setting.number.is_integer else "number"}
        minimum = "exclusiveMinimum" if setting.number.excludes_low else "minimum"
        bounds = {minimum: setting.number.low, "maximum": setting.number.high}
        number |= {key: bound for key, bound in bounds.items() if math.isfinite(bound)}
        about["anyOf"] = [number, _NUMBER_TEXT]
    else:
        about |= _by_control(setting.type)
    return about


def _by_control(control: str) -> JsonObject:
    """Return the schema of a setting by the editor's control."""
    match control:
        case "switch":
            return {"anyOf": [{"type": "boolean"}, _REFERENCE]}
        case "input-format":
            fields: JsonObject = {"$ref": "#/definitions/input"}
            about = "Inputs by name: a type, or a mapping with type, default and description."
            return {"description": about, "type": "object", "additionalProperties": fields}
        case "table":
            return {"type": ["object", "array", "string"]}
        case "messages-input":
            return {"anyOf": [_messages(), _TEXT]}
        case _:
            return {}


def _messages() -> JsonObject:
    roles: JsonObject = dict.fromkeys(("system", "user", "assistant"), _TEXT)
    full: JsonObject = {
        "type": "object",
        "required": ["role", "content"],
        "properties": {"role": {"enum": list(roles)}},
    }
    short: JsonObject = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
        "properties": roles,
    }
    return {"type": "array", "items": {"anyOf": [short, full]}}


def _input() -> JsonObject:
    full: JsonObject = {
        "type": "object",
        "properties": {
            "type": {"enum": _FIELD_TYPES},
            "default": {},
            "description": _TEXT,
            "required": {"type": "boolean"},
            "id": _TEXT,
        },
    }
    return {"anyOf": [{"enum": _FIELD_TYPES}, full]}


def _variable() -> JsonObject:
    return {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"enum": _VARIABLE_TYPES}, "value": {}, "id": _TEXT, "name": _TEXT},
    }
