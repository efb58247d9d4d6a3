"""Keys that end a mapping too early, because they have less indentation than the keys around them."""

import re
from collections.abc import Sequence
from itertools import dropwhile, takewhile
from typing import Final

_NAME: Final = r"(?P<key>\w[\w .-]{0,60}):(?P<value> +\S|\s*$)"
_KEY: Final = re.compile(rf"(?P<indent> *){_NAME}")
_IN_ENTRY: Final = re.compile(rf"(?P<indent> *(?:- +)?){_NAME}")
_ENTRY: Final = re.compile(r" *(?:[\"'{\[?]|- |-$|[\w. -]*:(?: |$))")
"""First line of a list, of a mapping or of a quoted text."""
_UNSPACED: Final = re.compile(r"(?P<indent> *)(?P<key>[a-z]\w{0,60}):[^\s:/]")
"""A key with its value, without the space between them; unlike a URL."""
_SEVERAL: Final = 2
_COMMENT_OR_EMPTY: Final = re.compile(r"\s*(?:#|$)")


def outdented_key(lines: Sequence[str]) -> tuple[str, str, tuple[int, int]] | None:
    """Return the key that makes the last line invalid, the key it belongs to, and its line and column.

    It has a value to which the last line does not belong, and keys above it have the indentation of that line, or it
    is the type of a block, directly below the block's name.
    """
    last = _KEY.match(lines[-1])
    indent = len(last["indent"]) if last else 0
    above = [entry for entry in enumerate(lines[:-1], 1) if not _COMMENT_OR_EMPTY.match(entry[1])][::-1]
    rest = [*dropwhile(lambda entry: _indent(entry[1]) >= indent, above)]
    if last is None or not rest:
        return None
    outer = _indent(rest[0][1])
    inside = [*takewhile(lambda entry: _indent(entry[1]) > outer or _has_value(entry[1]), rest)]
    parent = _KEY.match(rest[len(inside)][1]) if len(inside) < len(rest) else None
    outdented = [(number, _KEY.match(line)) for number, line in inside if _indent(line) == outer]
    is_sibling = any(_indent(line) == indent and _KEY.match(line) for _, line in inside)
    if parent is None or not outdented or len(parent["indent"]) != outer:
        return None
    number, key = outdented[-1]
    is_type = key is not None and key["key"] == "type" and number == inside[-1][0]
    return (key["key"], parent["key"], (number, outer + 1)) if key and (is_sibling or is_type) else None


def key_of_text(lines: Sequence[str]) -> tuple[str, tuple[int, int]] | None:
    """Return the key, its line and its column, if the last line is in a text of several lines without a mark."""
    above = [entry for entry in enumerate(lines, 1) if not _COMMENT_OR_EMPTY.match(entry[1])][::-1]
    indent = _indent(lines[-1])
    inside = [*takewhile(lambda entry: _indent(entry[1]) >= indent, above)]
    number, line = above[len(inside)] if len(inside) < len(above) else (0, "")
    match = _KEY.match(line)
    if match is None or match["value"].strip() or len(inside) < _SEVERAL or _ENTRY.match(inside[-1][1]):
        return None
    return match["key"], (number, len(match["indent"]) + 1)


def unspaced_key(lines: Sequence[str]) -> tuple[str, tuple[int, int]] | None:
    """Return the key, its line and its column, if nothing but a space is missing above the key in the last line."""
    last = _KEY.match(lines[-1])
    above = next((entry for entry in [*enumerate(lines, 1)][-2::-1] if not _COMMENT_OR_EMPTY.match(entry[1])), None)
    match = _UNSPACED.match(above[1]) if above else None
    if last is None or above is None or match is None or match["indent"] != last["indent"]:
        return None
    return match["key"], (above[0], len(match["indent"]) + 1)


def misaligned_key(lines: Sequence[str]) -> str | None:
    """Return the indentation that the key in the last line needs, if it differs from the key above it."""
    last = _KEY.match(lines[-1])
    above = next((_IN_ENTRY.match(line) for line in lines[-2::-1] if not _COMMENT_OR_EMPTY.match(line)), None)
    if last is None or above is None or above["value"].strip() in ("", "|", ">"):
        return None
    indent, outer = len(last["indent"]), len(above["indent"])
    is_deeper = indent > outer
    is_beside_dash = above["indent"].rstrip().endswith("-") and indent == above["indent"].index("-")
    if not is_deeper and not is_beside_dash:
        return None
    return f'Give "{last["key"]}" the indentation of "{above["key"]}" above it: {outer} spaces'


def _has_value(line: str) -> bool:
    match = _KEY.match(line)
    return match is not None and bool(match["value"].strip())


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
