"""Declared input fields of start blocks and forms, and workflow variables."""

import math
import re
from collections.abc import Iterator
from typing import Final

from shared.contracts.problems import Problem, ProblemCode
from shared.workflow.catalog import BlockSpec, Catalog
from shared.workflow.format.input_format import FIELD_TYPES, read_input_format
from shared.workflow.format.js_values import MISSING, Json, JsonObject, parse_json, to_number, to_string
from shared.workflow.format.models import Block, Variable, WorkflowState
from shared.workflow.format.problems import warning
from shared.workflow.format.references import RESERVED_NAMES, EnvMarker, is_reference, normalize_name, parse_text, texts
from shared.workflow.format.start import CONTROLS_IN_INPUT, CONTROLS_OUTSIDE_INPUT, api_starts
from shared.workflow.format.suggestions import did_you_mean, nearest, nearest_type, one_of
from shared.workflow.validate.settings.literals import shown

FORM_TYPES: Final = (*FIELD_TYPES, "files", "file", "text", "long-text", "select", "date")
"""Types of a form for people, whose answers are not converted."""
VARIABLE_TYPES: Final = ("string", "number", "boolean", "object", "array", "plain")
_KEYS: Final = frozenset(
    {"id", "name", "type", "value", "description", "required", "collapsed", "label", "placeholder"}
)

_IN_REQUESTS: Final = re.compile(r"[a-z][a-z0-9]*(?:[A-Z][a-z0-9]*)+|message|text|question|comment|prompt|items|orders")
"""Names that an input may have and a secret hardly: several words in camel case, or prose."""
_OF_SECRETS: Final = re.compile(
    r"key|token|secret|passw|credential|auth|user|url|host|domain|region|tenant|environment|env$|webhook|channel|base"
    r"|account|project|workspace|from$|sender|model|version|customer|client|organi[sz]ation|company|team|store|shop"
    r"|bucket|database|table|server|service|site|app|bot|chat|list|folder|board|repo|owner|admin|support|default",
    re.IGNORECASE,
)
"""Names that a secret may have, too."""


def input_field_problems(state: WorkflowState, catalog: Catalog) -> Iterator[Problem]:
    """Yield a warning for each field with an invalid name, type, key or default."""
    for block in state.blocks.values():
        spec = catalog.spec(block.type)
        if spec is not None and state.is_enabled(block.id):
            for setting in spec.sub_blocks:
                if setting.type == "input-format":
                    yield from _fields(block, spec, setting.id)
    seen: set[str] = set()
    for variable in state.variables.values():
        yield from _variable(variable)
        if variable.name in seen:
            message = f'There are two variables "{variable.name}"; references read the first one.'
            yield warning(ProblemCode.INVALID_INPUT_FIELD, message, fields=("variables", variable.name))
        seen.add(variable.name)


def input_references(state: WorkflowState) -> dict[str, str]:
    """Return the reference to each declared input, by name."""
    return {
        field.name: f"<{normalize_name(start.name)}.{field.name}>"
        for start in reversed(api_starts(state))
        for field in read_input_format(start.value("inputFormat"))
        if " " not in field.name
    }


def inputs_unlike_secrets(state: WorkflowState) -> dict[str, str]:
    """Return the references to those inputs whose name no secret is likely to have, by name.

    A default that names a secret says that there is one.
    """
    defaults = (field.value for start in api_starts(state) for field in read_input_format(start.value("inputFormat")))
    parts = (part for default in defaults for text in texts(default) for part in parse_text(text).parts)
    environment_names = {part.name for part in parts if isinstance(part, EnvMarker)}
    return {
        name: each
        for name, each in input_references(state).items()
        if _IN_REQUESTS.fullmatch(name) and not _OF_SECRETS.search(name) and name not in environment_names
    }


def bare_reference(value: Json, state: WorkflowState) -> str | None:
    """Return the reference that a text without angle brackets means: `start.items`, or the name of an input."""
    text = value.strip() if isinstance(value, str) else ""
    root, _, path = text.partition(".")
    is_known = bool(path) and normalize_name(root) in {*state.ids_by_name, *RESERVED_NAMES}
    return f"<{text}>" if is_known and is_reference(text) else input_references(state).get(text)


def declared_types(state: WorkflowState) -> dict[tuple[str, str], str]:
    """Return the types to which runs convert inputs and variables, and those of indexes, by block and field."""
    types = {
        (normalize_name(start.name), field.name): field.type
        for start in api_starts(state)
        for field in read_input_format(start.value("inputFormat"))
    }
    types |= {("variable", key): each.type for each in state.variables.values() for key in (each.id, each.name)}
    return types | dict.fromkeys((("loop", "index"), ("parallel", "index")), "number")


def _fields(block: Block, spec: BlockSpec, setting: str) -> Iterator[Problem]:
    stored = block.value(setting)
    entries = parse_json(stored) if isinstance(stored, str) and stored.strip() else stored
    if entries in (None, "", {}):
        return
    if not isinstance(entries, list):
        yield _warning(block, setting, "the inputs must be a list of fields, each with a name and a type")
        return
    seen: set[str] = set()
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict):
            yield _warning(block, setting, f"input {number} must be an object with a name and a type")
            continue
        name = entry.get("name")
        if not isinstance(name, str) or not name.strip():
            if any(entry.get(key) for key in ("value", "description")):
                yield _warning(block, setting, f"input {number} has no name and is ignored")
            continue
        if name.strip() in seen:
            text = f'the input "{name}" is declared twice; the first declaration applies'
            yield _warning(block, setting, text, field=name)
        seen.add(name.strip())
        yield from _field(block, spec, setting, name, entry)


def _field(block: Block, spec: BlockSpec, setting: str, name: str, entry: JsonObject) -> Iterator[Problem]:
    if " " in name.strip():
        text = f'the input "{name}" has a space, so no reference reaches it'
        yield _warning(block, setting, f"{text}. Rename it, such as {'_'.join(name.split())}", field=name)
    if name.strip().endswith("?"):
        text = f'the input "{name}" ends with "?". Inputs are optional unless required is true: rename it'
        yield _warning(block, setting, text, field=name)
    if spec.is_trigger and (effect := _effect_on_call(name.strip())):
        text = f'the input "{name}" has the name of a control key: its value {effect}. Rename it'
        yield _warning(block, setting, text, field=name)
    kind = entry.get("type")
    types = FIELD_TYPES if spec.is_trigger else FORM_TYPES
    if kind is not None and not isinstance(kind, str):
        yield _warning(
            block,
            setting,
            f'the type of the input "{name}" must be a name, not {shown(kind)}.{one_of("", FIELD_TYPES)}',
            field=name,
        )
    elif kind not in (None, "") and kind not in types:
        near = nearest_type(to_string(kind), FIELD_TYPES)
        text = f'the input "{name}" has the unknown type "{to_string(kind)}".{one_of("", FIELD_TYPES, near)}'
        yield _warning(block, setting, text, suggestion=near, field=name)
    elif (default := entry.get("value")) not in (None, "") and not fits_type(default, to_string(kind or "string")):
        text = f'the default of the input "{name}" is no {kind}: {shown(default)}'
        yield _warning(block, setting, text, field=name)
    if entry.get("required") not in (None, "", True, False):
        text = f'required of the input "{name}" must be true or false, not {shown(entry["required"])}'
        yield _warning(block, setting, text, field=name)
    for key in entry:
        if key not in _KEYS and (near := nearest(key, _KEYS)):
            text = f'the input "{name}" has the unknown key "{key}".{did_you_mean(near)}'
            yield _warning(block, setting, text, suggestion=near, field=name)


def _effect_on_call(name: str) -> str | None:
    """Return what a call does with an input that has the name of a control key."""
    if name in CONTROLS_OUTSIDE_INPUT:
        return "controls the call and never reaches the workflow"
    return "also controls the call" if name in CONTROLS_IN_INPUT else None


def _variable(variable: Variable) -> Iterator[Problem]:
    name = f'variable "{variable.name}"'
    if variable.type not in VARIABLE_TYPES:
        near = nearest_type(variable.type, VARIABLE_TYPES)
        message = f'The {name} has the unknown type "{variable.type}".{one_of("", VARIABLE_TYPES, near)}'
        yield warning(ProblemCode.INVALID_INPUT_FIELD, message, fields=("variables", variable.name), suggestion=near)
    elif variable.value not in (None, "") and not fits_type(variable.value, variable.type):
        message = f"The value of the {name} is no {variable.type}: {shown(variable.value)}."
        yield warning(ProblemCode.INVALID_INPUT_FIELD, message, fields=("variables", variable.name))


def fits_type(value: Json, kind: str) -> bool:
    """Return whether a value converts to a type, or is known only in a run."""
    if isinstance(value, str) and not parse_text(value).is_literal:
        return True
    match kind:
        case "number":
            return not isinstance(value, bool | list | dict) and not math.isnan(to_number(value))
        case "boolean":
            return value in (True, False) or (isinstance(value, str) and value.strip().lower() in _BOOLEANS)
        case "object" | "array":
            parsed = parse_json(value) if isinstance(value, str) else value
            return parsed is not MISSING and isinstance(parsed, dict if kind == "object" else list)
        case _:
            return True


_BOOLEANS: Final = frozenset({"true", "false", "0", "1"})


def _warning(
    block: Block, setting: str, text: str, *, suggestion: str | None = None, field: str | None = None
) -> Problem:
    fields = (setting, field) if field else (setting,)
    end = "" if text.endswith((".", "?")) else "."
    return warning(ProblemCode.INVALID_INPUT_FIELD, f"{block.name}: {text}{end}", block, fields, suggestion=suggestion)
