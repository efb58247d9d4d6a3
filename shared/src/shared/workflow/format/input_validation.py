"""Strict validation of a caller's input against the declared fields."""

import math
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from shared.workflow.format.input_format import InputField
from shared.workflow.format.js_values import MISSING, Json, JsonObject, Missing, object_of, stringify
from shared.workflow.format.start import coerce
from shared.workflow.format.suggestions import did_you_mean, nearest

ALWAYS_ALLOWED: Final = frozenset({"input", "conversationId", "files"})
"""Keys that a caller may send to any workflow."""
_MOST_SHOWN: Final = 40
_MOST_PROBLEMS: Final = 100


class InputValidation(StrEnum):
    """Whether calls with undeclared or mistyped fields are refused."""

    OFF = "off"
    STRICT = "strict"


class InputProblem(NamedTuple):
    """Problem with a field that a caller sent or left out."""

    name: str
    message: str


def input_problems(
    fields: Sequence[InputField], sent: Json, *, allowed: frozenset[str] = ALWAYS_ALLOWED
) -> list[InputProblem]:
    """Return the problems of an input: wrong types, missing required fields, unknown fields.

    A value that a run would convert to the declared type has it. `allowed` are the keys that every workflow accepts.
    """
    if not isinstance(sent, dict):
        return []  # a single input value
    nested = object_of(sent.get("input"))
    found = [problem for field in fields if (problem := _field(field, nested, sent))]
    return [*found, *_unknown(fields, sent, allowed)][:_MOST_PROBLEMS]


def _field(field: InputField, nested: JsonObject, sent: JsonObject) -> InputProblem | None:
    value = nested[field.name] if field.name in nested else sent.get(field.name)
    if value is None:
        is_missing = field.required and field.value in (None, "")
        return InputProblem(field.name, f"{field.name} is missing (expected {field.type})") if is_missing else None
    if _has_type(coerce(value, field.type), field.type, value):
        return None
    return InputProblem(field.name, f"{field.name} must be {_article(field.type)}, not {_shown(value)}")


def _has_type(value: Json | Missing, kind: str, sent: Json) -> bool:
    """Return whether a converted value has the declared type."""
    if kind == "string":
        return not isinstance(sent, list | dict)
    if kind == "file[]":
        return value is not MISSING
    if kind == "number" and isinstance(value, float):
        return math.isfinite(value)
    types = _TYPES.get(kind)
    return types is None or (isinstance(value, types) and (kind != "number" or not isinstance(value, bool)))


_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "number": (int, float),
    "boolean": bool,
    "object": dict,
    "array": list,
}


def _unknown(fields: Sequence[InputField], sent: JsonObject, allowed: frozenset[str]) -> Iterator[InputProblem]:
    names = [field.name for field in fields]
    known = {*names, *allowed}
    for key in sent:
        if key not in known:
            hint = did_you_mean(nearest(key, names)) or f" The workflow declares {', '.join(names) or 'no inputs'}."
            yield InputProblem(key, f"{key} is not an input of this workflow.{hint}")


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}" if kind != "file[]" else "a list of files"


def _shown(value: Json) -> str:
    text = stringify(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
