"""Literals of the samples' languages."""

from typing import Final

import msgspec

from shared.workflow.format.js_values import Json

_CONSTANTS: Final = {"true": "True", "false": "False", "null": "None"}
INDENT: Final = 2


def json_text(value: Json) -> str:
    """Return readable JSON, which is also valid JavaScript."""
    return msgspec.json.format(msgspec.json.encode(value), indent=INDENT).decode()


def python_literal(value: Json, *, indent: int) -> str:
    """Return a Python expression whose lines after the first are indented by `indent` spaces or more."""
    match value:
        case dict() if value:
            inner = [f"{_scalar(key)}: {python_literal(item, indent=indent + 4)}" for key, item in value.items()]
            return _lines("{", inner, "}", indent)
        case list() if any(isinstance(item, dict | list) for item in value):
            return _lines("[", [python_literal(item, indent=indent + 4) for item in value], "]", indent)
        case list():
            return f"[{', '.join(map(_scalar, value))}]"
        case _:
            return _scalar(value)


def _lines(opening: str, inner: list[str], closing: str, indent: int) -> str:
    padding = " " * (indent + 4)
    return opening + "\n" + "".join(f"{padding}{line},\n" for line in inner) + " " * indent + closing


def _scalar(value: Json) -> str:
    text = msgspec.json.encode(value).decode()
    return _CONSTANTS.get(text, text)
