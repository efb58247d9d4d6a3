"""Strict JSON from untrusted callers: bounded in depth, and valid for every later reader."""

import re
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from shared.errors import InvalidRequest
from shared.surrogates import replace_escaped_surrogates
from shared.workflow.format.sizes import MAX_NESTING, MAX_VALUES, has_too_many_values, is_too_deep

MAX_REPAIRED_BYTES: Final = 1024 * 1024
"""Repairing blocks other requests: a worst-case body of this size takes a seventh of a second."""


_BOM: Final = b"\xef\xbb\xbf"


_SHAPES: Final = bytes.maketrans(b"0123456789.E", b"99999999999e")


_HUGE: Final = (b"9" * 200, b"9e999", b"9e+999")
"""Patterns that mark numbers too large for other readers, with few false positives."""


_TOO_DEEP: Final = f"Objects and arrays are nested more than {MAX_NESTING} levels deep"


_AT_BYTE: Final = re.compile(r"(?:JSON is malformed: )?(?P<reason>[^()]{1,100}) \(byte (?P<byte>[0-9]{1,12})\)")


_any_decoder: Final = msgspec.json.Decoder()


T = TypeVar("T")


def decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """Decode `body` with `decoder`, also validating what the decoder skips.

    Raises MalformedJson; msgspec.ValidationError for JSON of another shape.
    """
    try:
        str(body, "utf-8")
        decoded = decoder.decode(body)
        if _may_hold_huge_numbers(body):
            _any_decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _as_malformed(error, body) from error
    except UnicodeDecodeError as error:
        raise MalformedJson(f"Not UTF-8: byte {error.start} is not part of a valid character") from error
    except msgspec.DecodeError as error:
        raise MalformedJson(_located(str(error), body)) from error
    except RecursionError as error:
        raise MalformedJson(_TOO_DEEP) from error
    if is_too_deep(body):
        raise MalformedJson(_TOO_DEEP)
    return decoded


def _located(message: str, body: bytes) -> str:
    """Return a decoder's message with the line and column in place of the byte."""
    match = _AT_BYTE.search(message)
    before = body[: int(match["byte"])] if match else body
    line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
    return f"line {line}, column {column}: {match['reason'] if match else 'the JSON ends here'}"


def read(body: bytes, reader: Callable[[bytes], T]) -> T:
    """Return what `reader` makes of `body`, or of a repaired body if it has incomplete characters.

    Sim's JavaScript accepts half a surrogate pair, and clients truncate texts into such. Raises what `reader` raises,
    and TooManyValues.
    """
    bounded(body)
    try:
        return reader(body)
    except MalformedJson:
        whole = repaired(body)
        if whole == body:
            raise
        return reader(whole)


def bounded(body: bytes) -> bytes:
    """Return `body`. Raises TooManyValues before any of it is decoded."""
    if has_too_many_values(body):
        raise TooManyValues
    return body


def repaired(body: bytes) -> bytes:
    """Return `body` with each lone surrogate replaced, as far as this does not block other requests."""
    return replace_escaped_surrogates(body) if len(body) <= MAX_REPAIRED_BYTES else body


def without_bom(body: bytes) -> bytes:
    """Return `body` without the byte order mark that some clients send."""
    return body.removeprefix(_BOM)


def type_name(value: object) -> str:
    """Return the type of `value` as JavaScript schema validators name it."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def kind_of(body: bytes) -> str:
    """Return the type of the JSON value in `body`, named as in `type_name`. Raises MalformedJson."""
    return type_name(decode(_any_decoder, body))


def _as_malformed(error: msgspec.ValidationError, body: bytes) -> Exception:
    try:
        _any_decoder.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return MalformedJson()
    return error


def _may_hold_huge_numbers(body: bytes) -> bool:
    shapes = body.translate(_SHAPES)
    return _HUGE[0] in shapes or _HUGE[1] in shapes or _HUGE[2] in shapes


class MalformedJson(InvalidRequest):
    """The body is not JSON, or too deeply nested."""

    code = "MALFORMED_JSON"

    def __init__(self, reason: str | None = None) -> None:
        details = [{"path": "", "message": reason}] if reason else None
        super().__init__("Invalid JSON in request body", details=details)


class TooManyValues(InvalidRequest):
    """The body has more JSON values than allowed."""

    code = "TOO_MANY_VALUES"

    def __init__(self) -> None:
        super().__init__(f"Request body has too many JSON values: the limit is {MAX_VALUES}")
