"""JSON syntax errors, phrased like JavaScript's parser."""

import json
import re
from json import JSONDecodeError
from typing import Final

_AROUND: Final = 10
_WHOLE: Final = 40
_BRACKETS: Final = re.compile(r'"(?:\\.|[^"\\]++)*+"|(?P<open>[\[{])|(?P<close>[\]}])', re.DOTALL)


def json_problem(text: str, *, with_fix: bool = False) -> str | None:
    """Return a JavaScript engine's error for the text, on request with its usual fix; None if it is JSON."""
    try:
        json.loads(text, parse_constant=_no_constant)
    except JSONDecodeError as error:
        fix = json_fix(text, error) if with_fix else ""
        return f"{_message(text, error)}{fix and f'. {fix}'}"
    except (ValueError, RecursionError) as error:
        return str(error)
    return None


def json_fix(text: str, error: JSONDecodeError) -> str:
    """Return what usually causes a syntax error of a JSON file; empty if unknown."""
    rest = text[error.pos :].lstrip()
    before = text[: error.pos].rstrip()
    if not rest:
        return "The text ends too early: close what is open, with a quote, } or ]"
    if rest.startswith(("//", "/*", "#")):
        return "JSON has no comments: remove it"
    if (before.endswith(",") and rest.startswith(("}", "]", ","))) or error.msg.startswith("Illegal trailing comma"):
        return "Remove the comma"
    if rest.startswith("'") or error.msg.startswith("Expecting property name"):
        return "Write names and texts in double quotes"
    return next((fix for words, fix in _FIXES.items() if error.msg.startswith(words)), "")


_FIXES: Final = {
    "Expecting ',' delimiter": "Put a comma between two entries, and close each text with a quote",
    "Expecting ':' delimiter": "Put a colon between a name and its value",
    "Expecting value": "Write texts in double quotes; other values are numbers, true, false and null",
    "Extra data": "Remove what follows the end of the JSON",
    "Unterminated string": "Close the text with a quote",
    "Invalid control character": "Write a line break as \\n, and a tab as \\t",
    "Invalid \\escape": "Write \\\\ for \\",
    "Invalid \\uXXXX": "Write four hexadecimal digits after \\u",
}


def _no_constant(name: str) -> None:
    raise ValueError(f"Unexpected token '{name[0]}', \"{name}\" is not valid JSON")


def _message(text: str, error: JSONDecodeError) -> str:
    match error.msg.split(" at")[0]:
        case "Expecting value":
            return _unexpected(text, error.pos)
        case "Illegal trailing comma before end of array":  # since Python 3.13; earlier versions report what follows
            return _unexpected(text, text.index("]", error.pos))
        case "Illegal trailing comma before end of object":
            what, position = "Expected double-quoted property name in JSON", text.index("}", error.pos)
        case "Extra data":
            what, position = "Unexpected non-whitespace character after JSON", error.pos
        case "Unterminated string starting":
            what, position = "Unterminated string in JSON", len(text)
        case "Invalid control character":
            what, position = "Bad control character in string literal in JSON", error.pos
        case "Invalid \\escape":
            what, position = "Bad escaped character in JSON", error.pos + 1
        case "Invalid \\uXXXX escape":
            what, position = "Bad Unicode escape in JSON", error.pos
        case _:
            what, position = f"Expected {_expected(text, error)} in JSON", error.pos
    return f"{what} at position {position}"


def _unexpected(text: str, position: int) -> str:
    if position >= len(text.rstrip()):
        return "Unexpected end of JSON input"
    shown = f'"{text}"'
    if len(text) > _WHOLE:
        start, end = max(0, position - _AROUND), position + _AROUND
        shown = f'{"..." if start else ""}"{text[start:end]}"{"..." if end < len(text) else ""}'
    return f"Unexpected token '{text[position]}', {shown} is not valid JSON"


def _expected(text: str, error: JSONDecodeError) -> str:
    before = text[: error.pos]
    if error.msg.startswith("Expecting property name"):
        return "property name or '}'" if before.rstrip().endswith("{") else "double-quoted property name"
    if error.msg.startswith("Expecting ':'"):
        return "':' after property name"
    return "',' or ']' after array element" if _innermost(before) == "[" else "',' or '}' after property value"


def _innermost(text: str) -> str:
    """Return the innermost bracket still open at the end of the text."""
    opened: list[str] = []
    for match in _BRACKETS.finditer(text):
        if match["open"]:
            opened.append(match["open"])
        elif match["close"] and opened:
            opened.pop()
    return opened[-1] if opened else ""
