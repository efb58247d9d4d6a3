"""JSON values with JavaScript semantics for text, numbers and truth, which the format uses."""

import json
import math
import re
from decimal import Decimal
from enum import Enum
from json.encoder import encode_basestring
from typing import Final, NoReturn, TypeAlias

import msgspec

from shared.surrogates import LONE_SURROGATE, may_escape_surrogates, replace_surrogates
from shared.workflow.format.sizes import MAX_NESTING, MAX_VALUES, has_too_many_values, is_too_deep

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None
JsonObject: TypeAlias = dict[str, Json]


class Missing(Enum):
    """JavaScript's undefined: no value, distinct from null."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING

_BEGINNING: Final = re.compile(r'[ \t\n\r]*[\[{"0-9tfn-]')
"""Start of any JSON. Rejects most other texts quickly."""
_FLOAT: Final = re.compile(rb"[\[:,]-?[0-9]+[.e]")
_SIGNS_OF_FLOATS: Final = re.compile(rb"\.[0-9]"), re.compile(rb"e[0-9-]")
"""Quick to search, and absent if there are only integers and words."""
_encode: Final = msgspec.json.Encoder().encode
_NUMBER: Final = re.compile(r"[+-]?(?:\d++\.?\d*+(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|Infinity)", re.ASCII)
"""Never backtracks over digits: for a million of them that would take an hour."""
_LARGEST_EXACT: Final = 2**53
_PREFIXED: Final = re.compile(r"0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+")


def truthy(value: Json | Missing) -> bool:
    """Return `Boolean(value)`: lists and objects are true, even when empty."""
    if isinstance(value, list | dict):
        return True
    if isinstance(value, float) and math.isnan(value):
        return False
    return value is not MISSING and bool(value)


def is_enabled(value: Json | Missing) -> bool:
    """Return whether a switch is on: a referenced value may be text."""
    return truthy(value) and value != "false"


def to_string(value: Json) -> str:
    """Return `String(value)`: `5` for 5.0, `1,2` for a list, `[object Object]` for an object."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ",".join("" if item is None else to_string(item) for item in value)
    if isinstance(value, dict):
        return "[object Object]"
    return _scalar(value)


def to_number(value: Json) -> int | float:
    """Return `Number(value)`: NaN for non-numbers, 0 for blank text and null."""
    if value is None or isinstance(value, bool):
        return int(value or 0)
    if isinstance(value, int | float):
        return value
    if isinstance(value, dict):
        return math.nan
    text = to_string(value).strip().strip("\ufeff")
    if not text:
        return 0
    if _PREFIXED.fullmatch(text):
        return _as_double(int(text, 0))
    return _parse_decimal(text) if _NUMBER.fullmatch(text) else math.nan


def parse_json(text: str, nesting: int = MAX_NESTING) -> Json | Missing:
    """Return `JSON.parse(text)`, MISSING if it is no JSON, is nested too deeply, or has more than MAX_VALUES values.

    Lone surrogates, which JavaScript allows and UTF-8 does not, are replaced.
    """
    if _BEGINNING.match(text) is None or _is_too_large(text):
        return MISSING
    try:
        parsed: Json = _decode(text)
    except (ValueError, RecursionError):
        return MISSING
    if len(text) > nesting and is_too_deep(text.encode(errors="surrogatepass"), nesting):
        return MISSING
    if may_escape_surrogates(text):
        parsed = replace_surrogates(parsed)
    return parsed


def _is_too_large(text: str) -> bool:
    return len(text) > MAX_VALUES and has_too_many_values(text.encode(errors="surrogatepass"))


def object_of(value: Json) -> JsonObject:
    """Return an object; empty for anything else."""
    return value if isinstance(value, dict) else {}


def stringify(value: Json, indent: int = 0, *, sort_keys: bool = False) -> str:
    """Return `JSON.stringify(value, null, indent)`: no spaces without an indent, integral floats without a fraction."""
    if not indent and not sort_keys and (quick := _write_fast(value)) is not None:
        return quick
    separator = "\n" if indent else ""
    return _write(value, " " * indent, separator, sort_keys)


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not valid JSON")


_decode: Final = json.JSONDecoder(parse_constant=_reject_constant).decode


def _write_fast(value: Json) -> str | None:
    """Return the same JSON from a much faster writer; None if its output would differ, or it fails."""
    if isinstance(value, float):
        return None
    try:
        encoded = _encode(value)
    except (ValueError, TypeError, RecursionError):
        return None
    if any(sign.search(encoded) for sign in _SIGNS_OF_FLOATS) and _FLOAT.search(encoded):
        return None
    return encoded.decode()


def _write(value: Json, indent: str, newline: str, sort_keys: bool) -> str:
    if isinstance(value, str):
        return _quote(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "null"
    if not isinstance(value, list | dict):
        return _scalar(value)
    deeper = newline + indent
    parts: list[str] = []
    if isinstance(value, list):
        opening, closing = "[]"
        for item in value:  # a comprehension would need twice the call depth
            parts.append(_write(item, indent, deeper, sort_keys))  # noqa: PERF401
    else:
        opening, closing = "{}"
        colon = ": " if indent else ":"
        items = sorted(value.items()) if sort_keys else value.items()
        for key, item in items:
            parts.append(_quote(key) + colon + _write(item, indent, deeper, sort_keys))
    return f"{opening}{deeper}{f',{deeper}'.join(parts)}{newline}{closing}" if parts else opening + closing


def _quote(text: str) -> str:
    quoted = encode_basestring(text)
    if text.isascii():
        return quoted
    return LONE_SURROGATE.sub(lambda half: f"\\u{ord(half.group()):04x}", quoted)


def _scalar(value: bool | int | float | None) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else _float(value)


def _float(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return "0"
    if 1e-6 <= abs(value) < 1e21:
        text = format(Decimal(repr(value)), "f")
        return text.removesuffix(".0")
    mantissa, _, exponent = repr(value).partition("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent):+d}"


def _parse_decimal(text: str) -> int | float:
    if "Infinity" in text:
        return -math.inf if text.startswith("-") else math.inf
    number = float(text)
    return int(number) if number.is_integer() and abs(number) <= _LARGEST_EXACT else number


def _as_double(number: int) -> int | float:
    """Return a positive number as a JavaScript double: rounded or infinite if not exact."""
    if number <= _LARGEST_EXACT:
        return number
    try:
        return float(number)
    except OverflowError:
        return math.inf
