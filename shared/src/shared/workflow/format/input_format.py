"""Fields that a start block or a human form declares."""

from collections.abc import Iterator
from typing import Final

import msgspec

from shared.workflow.format.js_values import Json, parse_json
from shared.workflow.format.paths import OutputField, Outputs

FIELD_TYPES: Final = ("string", "number", "boolean", "object", "array", "file[]")
"""Types of declared inputs."""


class InputField(msgspec.Struct, frozen=True, kw_only=True):
    """One declared field. `value` is its default, or None."""

    name: str
    type: str = "string"
    """`string`, `number`, `boolean`, `object`, `array` or `file[]`."""
    value: Json = None
    description: str = ""
    required: bool = False


def read_input_format(value: Json) -> tuple[InputField, ...]:
    """Return the fields of a stored `inputFormat`, a list or its JSON text; skip entries without a name."""
    return tuple(_fields(value))


def declared_outputs(fields: tuple[InputField, ...]) -> Outputs:
    """Return the fields as outputs of their block."""
    return {field.name: OutputField(type=field.type, description=field.description) for field in fields}


def _fields(value: Json) -> Iterator[InputField]:
    seen: set[str] = set()
    for entry in parse_list(value):
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(entry, dict) or not isinstance(name, str) or not name.strip() or name.strip() in seen:
            continue
        seen.add(name.strip())
        kind, description = entry.get("type"), entry.get("description")
        yield InputField(
            name=name.strip(),
            type=kind if isinstance(kind, str) and kind else "string",
            value=entry.get("value"),
            description=description if isinstance(description, str) else "",
            required=entry.get("required") is True,
        )


def parse_list(value: Json) -> list[Json]:
    """Return a list, or the list in a JSON text; empty for anything else."""
    parsed = parse_json(value) if isinstance(value, str) else value
    return parsed if isinstance(parsed, list) else []
