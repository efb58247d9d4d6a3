"""Structured answers: JSON out of what a model wrote."""

import re
from typing import Final

from shared.workflow.jsvalues import JsonObject, parse_json

_FENCE: Final = re.compile(r"\A\s*```[a-zA-Z]*\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)
NOT_STRUCTURED: Final = "The model's answer is not JSON as the response format asks for."


def parse_answer(content: str) -> JsonObject | None:
    """The JSON object that a model answered, a Markdown fence around it tolerated; None when it is none."""
    fenced = _FENCE.match(content)
    parsed = parse_json(fenced[1] if fenced else content.strip())
    return parsed if isinstance(parsed, dict) else None
