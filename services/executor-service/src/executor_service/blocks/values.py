"""What a setting says, as handlers read it."""

import math

from shared.workflow.format.js_values import Json, stringify, to_number


def text_of(value: Json) -> str:
    """A setting as text: nothing for null, JSON for what is no text."""
    return value if isinstance(value, str) else "" if value is None else stringify(value)


def number_of(value: Json) -> int | float | None:
    """A setting as a number; None when it is empty or none."""
    number = math.nan if value in (None, "") else to_number(value)
    return None if math.isnan(number) else number
