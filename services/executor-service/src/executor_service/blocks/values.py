"""Conversions of settings and of models' answers for handlers.

Tables are rows of `{cells: {Key, Value}}`, their JSON text, or a plain object.
"""

import math
from typing import Final

from shared.workflow.format.js_values import MISSING, Json, JsonObject, parse_json, stringify, to_number


def text_of(value: Json) -> str:
    """Return a setting as text: empty for null, JSON for non-text."""
    return value if isinstance(value, str) else "" if value is None else stringify(value)


def number_of(value: Json) -> int | float | None:
    """Return a setting as a number; None if empty or not a number."""
    number = math.nan if value in (None, "") else to_number(value)
    return None if math.isnan(number) else number


def read_table(value: Json) -> dict[str, str]:
    """Return key to value as text; rows without a key are skipped, the last of equal keys wins."""
    return dict(table_rows(value))


def table_rows(value: Json) -> list[tuple[str, str]]:
    """Return the rows in order, with equal keys."""
    if isinstance(value, str):
        parsed = parse_json(value)
        value = None if parsed is MISSING else parsed
    if isinstance(value, dict):
        return [(key, text_of(item)) for key, item in value.items() if key and item is not None]
    rows = (row.get("cells") for row in value if isinstance(row, dict)) if isinstance(value, list) else ()
    cells = (cell for cell in rows if isinstance(cell, dict))
    return [(text_of(cell.get("Key")), text_of(cell.get("Value"))) for cell in cells if cell.get("Key")]


_FENCE: Final = "```"
NOT_STRUCTURED: Final = "The model's answer is not JSON as the response format asks for."


def parse_answer(content: str) -> JsonObject | None:
    """Return the JSON object in a model's answer, or None. A Markdown fence is ignored."""
    parsed = parse_json(_strip_fence(content.strip()))
    return parsed if isinstance(parsed, dict) else None


def _strip_fence(text: str) -> str:
    """Remove the fence, without a regular expression: a model may write very many blank lines."""
    opening, _, rest = text.partition("\n")
    language = opening.removeprefix(_FENCE).strip()
    is_fence = opening.startswith(_FENCE) and (not language or language.isalpha())
    return rest.removesuffix(_FENCE) if is_fence and rest.endswith(_FENCE) else text
