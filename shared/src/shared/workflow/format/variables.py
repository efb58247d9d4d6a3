"""Values of workflow variables, by declared type."""

import math
from collections.abc import Mapping
from typing import Final

import msgspec

from shared.workflow.format.js_values import MISSING, Json, JsonObject, parse_json, to_number, to_string, truthy
from shared.workflow.format.models import Variable, WorkflowState
from shared.workflow.format.references import fill_environment

_EMPTY: Final[dict[str, Json]] = {"number": 0, "boolean": False, "string": "", "plain": ""}


def variable_values(state: WorkflowState) -> JsonObject:
    """Return the initial value of each variable, by id; the type's empty value for one that does not fit."""
    return {variable.id: initial_value(variable) for variable in state.variables.values()}


def values_from(environment: Mapping[str, str], state: WorkflowState) -> JsonObject:
    """Return the variables whose author names environment values, by id, with these values filled in."""
    stored = {variable.id: _read(variable) for variable in state.variables.values()} if environment else {}
    filled = {key: fill_environment(value, environment) for key, value in stored.items()}
    return {
        key: initial_value(msgspec.structs.replace(state.variables[key], value=value))
        for key, value in filled.items()
        if value != stored[key]
    }


def initial_value(variable: Variable) -> Json:
    """Return a variable's stored value as its type: number text as a number, JSON text as a list or an object."""
    value, kind = variable.value, variable.type
    match kind:
        case "number":
            number = to_number(value)
            return 0 if math.isnan(number) else number
        case "boolean":
            return value.strip().lower() == "true" if isinstance(value, str) else truthy(value)
        case "array" | "object":
            return _structure(value, kind)
        case _:
            return "" if value is None else value if kind == "plain" else to_string(value)


def assigned_value(name: str, kind: str, value: Json) -> Json:
    """Return an assigned value as the declared type. Raises ValueError with a sentence for the author."""
    if value is None or (isinstance(value, str) and not value.strip() and kind not in ("string", "plain")):
        return _structure(None, kind) if kind in ("array", "object") else _EMPTY.get(kind)
    match kind:
        case "number":
            number = to_number(value)
            if math.isnan(number):
                raise ValueError(_invalid("number", name, value, "number"))
            return number
        case "boolean":
            return _boolean(name, value)
        case "array" | "object":
            parsed = parse_json(value) if isinstance(value, str) else value
            if parsed is MISSING or not isinstance(parsed, list if kind == "array" else dict):
                raise ValueError(_invalid("JSON", name, value, f"JSON {kind}"))
            return parsed
        case _:
            return value if isinstance(value, str) or kind == "plain" else to_string(value)


def _read(variable: Variable) -> Json:
    """Return the stored value. JSON text is parsed before values are filled in, so that none can break it."""
    is_json = variable.type in ("array", "object") and isinstance(variable.value, str)
    return _structure(variable.value, variable.type) if is_json else variable.value


def _boolean(name: str, value: Json) -> bool:
    if isinstance(value, bool):
        return value
    word = to_string(value).strip().lower()
    if word not in ("true", "false"):
        raise ValueError(_invalid("boolean", name, value, "boolean"))
    return word == "true"


def _invalid(what: str, name: str, value: Json, expected: str) -> str:
    return f'Invalid {what} value for variable "{name}": "{to_string(value)}". Expected a valid {expected}.'


def _structure(value: Json, kind: str) -> Json:
    parsed = parse_json(value) if isinstance(value, str) else value
    if kind == "array":
        return parsed if isinstance(parsed, list) else []
    return parsed if isinstance(parsed, dict) else {}
