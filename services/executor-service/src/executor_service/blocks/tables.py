"""`table` settings: rows of `{cells: {Key, Value}}`, their JSON text, or a plain object."""

from executor_service.blocks.values import text_of
from shared.workflow.format.js_values import MISSING, Json, parse_json


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
