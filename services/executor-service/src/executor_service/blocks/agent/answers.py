"""Structured answers: JSON from a model's text."""

from typing import Final

from shared.workflow.format.js_values import JsonObject, parse_json

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
