"""Converts fields from the editor, `{name, type, value}` each, to JSON."""

import math
from collections.abc import Iterator
from typing import Final

from shared.workflow.format.js_values import Json, JsonObject, to_number, to_string

_UNFILLED: Final = "<"
"""A text that starts with this was an unresolved reference, and stays as typed."""


def read_fields(fields: Json) -> JsonObject:
    """Return the fields as an object; unnamed ones are skipped."""
    return {name: field_value(field) for name, field in named_fields(fields)}


def named_fields(fields: Json) -> Iterator[tuple[str, JsonObject]]:
    """Yield the named fields with their names."""
    for field in fields if isinstance(fields, list) else ():
        if isinstance(field, dict) and (name := field.get("name")) and to_string(name).strip():
            yield to_string(name), field


def field_value(field: JsonObject) -> Json:
    """Convert a field's value to its type."""
    value = field.get("value")
    match to_string(field.get("type") or "string"):
        case "object" if isinstance(value, list):
            return read_fields(value)
        case "array" if isinstance(value, list):
            return [_element(item) for item in value]
        case "number":
            number = to_number(value)
            return value if math.isnan(number) else number
        case "boolean" if not (isinstance(value, str) and value.strip().startswith(_UNFILLED)):
            return value is True or (isinstance(value, str) and value.strip().lower() == "true")
        case _:
            return value


def _element(item: Json) -> Json:
    """Return an array's entry from the editor's form `{type, value}`."""
    return field_value(item) if isinstance(item, dict) and "value" in item else item
