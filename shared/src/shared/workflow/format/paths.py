"""Values at a path; empty and undeclared ones are distinct."""

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

import msgspec

from shared.errors import InvalidRequest
from shared.workflow.format.js_values import MISSING, Json, Missing
from shared.workflow.format.references import Path

OPEN_TYPES: Final = frozenset({"json", "object", "any", "array"})
"""Declared types that allow every path below them."""


class OutputField(msgspec.Struct, frozen=True):
    """One declared field of a block's output."""

    type: str = "json"
    description: str = ""
    fields: Mapping[str, "OutputField"] = {}
    """Nested fields, if declared too."""

    @property
    def is_open(self) -> bool:
        """Return whether any path below is allowed: it gives a value or nothing, never an error."""
        return not self.fields and (self.type in OPEN_TYPES or self.type.endswith("[]"))


Outputs: TypeAlias = Mapping[str, OutputField]
"""Field name to field, in the order of messages and lists."""


class UndeclaredField(InvalidRequest):
    """A reference to a field that the block does not have; the caller's or author's mistake (400)."""

    def __init__(self, path: str, block_name: str, outputs: Outputs) -> None:
        super().__init__(fields_error(path, block_name, outputs))


def fields_error(path: str, block_name: str, available: Iterable[str]) -> str:
    """Return the message for a path that a block does not have, with the available names."""
    names = ", ".join(available) or "none"
    return f'"{path}" doesn\'t exist on block "{block_name}". Available fields: {names}'


def value_at(value: Json | Missing, path: Path) -> Json | Missing:
    """Return the value at a path, MISSING for no value: out of range, no such key, or below a scalar."""
    for key in path:
        if isinstance(value, dict) and isinstance(key, str):
            value = value.get(key, MISSING)
        elif isinstance(value, list) and isinstance(key, int):
            value = value[key] if key < len(value) else MISSING
        elif isinstance(value, list) and key == "length":
            value = len(value)
        else:
            return MISSING
    return value


def is_declared(outputs: Outputs, path: Path) -> bool:
    """Return whether a block with these outputs allows a path; the whole output is always allowed."""
    fields = outputs
    for key in path:
        if not isinstance(key, str) or key not in fields:
            return False
        field = fields[key]
        if field.is_open:
            return True
        fields = field.fields
    return True


def look_up(output: Json | Missing, path: Path, *, outputs: Outputs, block_name: str, path_text: str) -> Json | Missing:
    """Return the value of a reference, MISSING for a declared one without a value (also when the block never ran).

    Raises UndeclaredField when there is no value and the block declares none; `block_name` and `path_text` are as typed
    in the reference.
    """
    value = value_at(output, path)
    if value is MISSING and not is_declared(outputs, path):
        raise UndeclaredField(path_text, block_name, outputs)
    return value
