"""Whether a text is JSON, told in the words of JavaScript's parser."""

import json
from typing import Final

_AROUND: Final = 10
_WHOLE: Final = 40


def json_problem(text: str) -> str | None:
    """What a JavaScript engine says about the text; None when it is JSON."""
    try:
        json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        return _told(text, error.pos)
    except (ValueError, RecursionError) as error:
        return str(error)
    return None


def _no_constant(name: str) -> None:
    raise ValueError(f"Unexpected token '{name[0]}', \"{name}\" is not valid JSON")


def _told(text: str, position: int) -> str:
    if position >= len(text.rstrip()):
        return "Unexpected end of JSON input"
    shown = f'"{text}"'
    if len(text) > _WHOLE:
        start, end = max(0, position - _AROUND), position + _AROUND
        shown = f'{"..." if start else ""}"{text[start:end]}"{"..." if end < len(text) else ""}'
    return f"Unexpected token '{text[position]}', {shown} is not valid JSON"
