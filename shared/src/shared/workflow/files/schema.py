"""JSON Schema of workflow files, from the catalog: for completion and checks in editors."""

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

from jsonschema import Draft7Validator

from shared.workflow.catalog import BlockSpec, Catalog, Category, SubBlockSpec
from shared.workflow.catalog.synonyms import SETTING_SYNONYMS
from shared.workflow.files.names import BLOCK_KEYS, BRANCHING, CONTAINER_KEYS, FLAGS, TERMINAL, TYPE_ALIASES
from shared.workflow.files.yaml_text import Path
from shared.workflow.format.input_format import FIELD_TYPES
from shared.workflow.format.js_values import Json, JsonObject, object_of
from shared.workflow.format.suggestions import did_you_mean, nearest

SCHEMA_PATH: Final = "/schemas/workflow.json"
"""Where a gateway serves the schema."""
_FIELD_TYPES: Final[list[Json]] = [*FIELD_TYPES]
_VARIABLE_TYPES: Final[list[Json]] = ["string", "number", "boolean", "object", "array", "plain"]
_TEXT: Final[JsonObject] = {"type": "string"}
_NAME: Final[JsonObject] = {"type": ["string", "number", "boolean"]}
"""A text, also one that YAML reads as another scalar."""
_MAPPING: Final[JsonObject] = {"type": "object"}
_REFERENCE: Final[JsonObject] = {"type": "string", "pattern": "<[^<>]+>|\\{\\{[^{}]+\\}\\}"}
_NUMBER_TEXT: Final[JsonObject] = {
    "type": "string",
    "pattern": "<[^<>]+>|\\{\\{[^{}]+\\}\\}|^[0-9.eE+-]+$",
}
_TARGETS: Final[JsonObject] = {
    "anyOf": [_NAME, {"type": "array", "items": _NAME}, {"type": "null"}],
}
_CLOSE: Final = 0.8
_ONLY_FORM: Final = frozenset({"branches", "blocks", "start"})
"""Keys that are no settings of any block."""
_CONTAINER_VALUES: Final = frozenset((key,) for keys in CONTAINER_KEYS.values() for key in keys)
"""Settings of loops and parallels."""
_BRANCH_KEYS: Final = ("if", "else if", "else", "next", "id")
_TARGET: Final = "the name of a block, or a list of names"
_EXPECTED: Final = defaultdict(
    lambda: "as the JSON Schema of workflow files says",
    {
        **dict.fromkeys(("name", "description"), "a text"),
        **dict.fromkeys(("next", "on_error", "start"), _TARGET),
        **dict.fromkeys(("settings", "blockData", "variables", "blocks"), "a mapping of names to values"),
        "inputs": "a mapping of names to types",
        "edges": "an edge with from and to: {from: NAME, to: NAME}",
        "edgeIds": "a list, [from, to] or [from, handle, to]",
        "branches": "a mapping with one of if, else if and else, or with route and when",
        "layout": "[x, y] or [x, y, width, height]",
        "retry": "a mapping with maxTries, a number from 2 to 5, and waitBetweenTriesMs, from 0 to 5000",
        "enabled": "true or false",
        "batchSize": "a number from 1 to 20",
    },
)
_RETRY: Final[JsonObject] = {
    "type": "object",
    "description": "Retries of the failing block.",
    "additionalProperties": False,
    "properties": {
        "enabled": {"type": "boolean", "default": True},
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
            "name": {**_NAME, "description": "Name of the workflow."},
            "description": {**_NAME, "description": "What the workflow does."},
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
                    "properties": {"from": _NAME, "handle": _NAME, "to": _NAME, "into": {"type": ["string", "null"]}},
                },
            },
            "edgeIds": {
                "type": "object",
                "description": "Ids of connections in exported files, by id: [from, to], or [from, handle, to].",
                "additionalProperties": {"type": "array", "items": _NAME, "minItems": 2, "maxItems": 3},
            },
        },
        "definitions": definitions,
    }


def _block(spec: BlockSpec) -> JsonObject:
    names: list[Json] = [spec.type, *(alias for alias, kind in TYPE_ALIASES.items() if kind == spec.type)]
    properties: JsonObject = {
        "type": {"enum": names, "description": f"{spec.title}: {spec.description}."},
        "name": {**_NAME, "description": "Display name, if it differs from the key."},
        "id": {**_NAME, "description": "Id of the block; default: that of the draft's block with this name."},
        "enabled": {"type": "boolean", "default": True},
        "layout": {
            "type": "array",
            "description": "Position on the canvas: [x, y], or [x, y, width, height] of a loop or parallel.",
            "items": {"type": "number"},
            "anyOf": [{"minItems": 2, "maxItems": 2}, {"minItems": 4}],
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
            "route": {**_NAME, "description": "Title of the route."},
            "when": {**_NAME, "description": "When the model should choose it."},
            "next": targets,
            "id": _NAME,
        }
        return {
            "type": "array",
            "items": {"type": "object", "minProperties": 1, "additionalProperties": False, "properties": properties},
        }
    expression: JsonObject = {"type": ["string", "boolean", "number", "null"], "description": "JavaScript expression."}
    items: list[Json] = [
        {
            "type": "object",
            "required": [title],
            "additionalProperties": False,
            "properties": {title: expression, "next": targets, "id": _NAME},
        }
        for title in ("if", "else if")
    ]
    otherwise: JsonObject = {
        "type": "object",
        "required": ["else"],
        "additionalProperties": False,
        "properties": {"else": targets, "next": targets, "id": _NAME},
    }
    return {
        "type": "array",
        "description": "The first branch whose expression is true is followed.",
        "items": {"anyOf": [*items, otherwise, {"enum": ["else"]}]},
    }


def top_problems(top: JsonObject) -> Iterator[tuple[Path, str]]:
    """Yield the place and the message of each problem of a file's top-level keys."""
    schema: Any = file_schema(Catalog(()))
    schema["properties"]["blocks"] = {"type": "object"}
    given = {key: value for key, value in top.items() if value is not None}
    for error in Draft7Validator(schema).iter_errors(given):
        path = tuple(error.absolute_path)
        if not path and error.validator == "required":
            yield (), "The file has no blocks"
        elif path[:1] != ("variables",) or len(path) == 1:
            yield from _explained(error, path, "a workflow file")


def block_problems(spec: BlockSpec, given: JsonObject, validator: Draft7Validator) -> Iterator[tuple[Path, str]]:
    """Yield the place and the message of each problem of a block's keys that are no settings.

    What the settings of the workflow say is checked in its stored form, for every format.
    """
    structural = (*BLOCK_KEYS, *CONTAINER_KEYS.get(spec.type, ()))
    instance = {
        key: value for key, value in given.items() if key in structural and (value is not None or key == "inputs")
    }
    for error in validator.iter_errors(instance):
        path = tuple(error.absolute_path)
        is_value = (path[:1] == ("retry",) and len(path) > 1) or path[:1] in _CONTAINER_VALUES
        if path and not is_value and (len(path) == 1 or path[0] not in ("inputs", "blocks", "settings")):
            yield from _explained(error, path, "a branch")
    own = _block(spec)["properties"]
    known = list(object_of(own))
    shown = {*CONTAINER_KEYS.get(spec.type, ()), "blocks", "branches", "next", "on_error"}
    for key in given.keys() - known:
        meant = nearest(key, known, least=_CLOSE)
        is_settings = key in structural or key in SETTING_SYNONYMS.get(spec.type, ())
        is_form = spec.is_container or (meant in structural and meant not in ("name", "id"))
        if key in _ONLY_FORM or (is_form and not is_settings):
            hint = did_you_mean(meant) or f" Use one of: {', '.join(each for each in known if each in shown)}."
            yield (key,), f'{spec.type} blocks have no key "{key}".{hint}'


def block_validator(spec: BlockSpec) -> Draft7Validator:
    """Return the validator of one block's keys that are no settings."""
    schema: Any = _block(spec)
    schema["properties"] |= {key: {} for key in BLOCK_KEYS if key not in schema["properties"]}
    definitions = {"targets": _TARGETS, "retry": _RETRY, "input": {}, "block": {}}
    return Draft7Validator({**schema, "required": [], "definitions": definitions})


def _explained(error: Any, path: Path, what: str) -> Iterator[tuple[Path, str]]:
    """Yield the message of a validator's error, in the words of the author."""
    item = path[-1] if path and isinstance(path[-1], int) else None
    place = what if not path or path[0] == "branches" else str(path[0])
    given = object_of(error.instance)
    known = error.schema.get("properties") or {}
    if item is not None and error.validator == "anyOf":  # a branch of a condition
        known = dict.fromkeys(_BRANCH_KEYS)
    unknown = [key for key in given if known and key not in known]
    for key in unknown:
        hint = did_you_mean(nearest(key, known)) or f" Use one of: {', '.join(known)}."
        yield (*path, key), f'"{key}" is not a key of {place}.{hint}'
    if not unknown:
        name = f"entry {item + 1} of {path[0]}" if item is not None else str(path[-1])
        is_list = error.validator == "type" and error.validator_value == "array" and path[0] in ("branches", "edges")
        yield path, f"{name} must be {'a list, each entry ' if is_list else ''}{_EXPECTED[str(path[0])]}"


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
