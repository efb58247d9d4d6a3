"""Values of settings as authors wrote them, and warnings about them."""

import math
from collections.abc import Iterator
from typing import Final, TypeAlias

from shared.contracts.problems import Problem, ProblemCode
from shared.workflow.format.js_values import MISSING, Json, parse_json, to_number, to_string
from shared.workflow.format.models import Block
from shared.workflow.format.problems import warning
from shared.workflow.format.references import parse_text, texts
from shared.workflow.validate.computed_indexes import has_computed_index

Found: TypeAlias = Iterator[tuple[str | tuple[str, ...], str]]
"""Setting, or setting and number of the entry from 0; and the problem."""

_LONGEST_SHOWN: Final = 40


def parsed(value: Json) -> Json:
    """Return the value of a JSON text; any other value unchanged."""
    found = parse_json(value) if isinstance(value, str) else value
    return value if found is MISSING else found


def is_literal(value: Json) -> bool:
    """Return whether a value has nothing to fill in."""
    if isinstance(value, str):
        return parse_text(value).is_literal
    return not isinstance(value, list | dict) or all(parse_text(text).is_literal for text in texts(value))


def is_one_number(value: Json) -> bool:
    """Return whether a text is a number once its references are filled in with digits, or has its own warning."""
    if not isinstance(value, str):
        return not isinstance(value, list | dict)
    return has_computed_index(value) or not math.isnan(
        to_number("".join(part if isinstance(part, str) else "1" for part in parse_text(value).parts))
    )


def shown(value: Json) -> str:
    """Return a value for messages, at most 40 characters of it."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    text = to_string(value)
    return f'"{text[:_LONGEST_SHOWN]}{"…" if len(text) > _LONGEST_SHOWN else ""}"'


def setting_warning(block: Block, field: str | tuple[str, ...], text: str, suggestion: str | None = None) -> Problem:
    """Return a warning about a setting, or an entry of one: its setting and its number from 0."""
    fields = (field,) if isinstance(field, str) else field
    end = "" if text.endswith((".", "?")) else "."
    return warning(ProblemCode.INVALID_SETTING, f"{block.name}: {text}{end}", block, fields, suggestion=suggestion)
