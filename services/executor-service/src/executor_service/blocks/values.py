"""Conversions of settings for handlers."""

import math

from shared.workflow.format.js_values import Json, stringify, to_number


def text_of(value: Json) -> str:
    """Return a setting as text: empty for null, JSON for non-text."""
    return value if isinstance(value, str) else "" if value is None else stringify(value)


def number_of(value: Json) -> int | float | None:
    """Return a setting as a number; None if empty or not a number."""
    number = math.nan if value in (None, "") else to_number(value)
    return None if math.isnan(number) else number
