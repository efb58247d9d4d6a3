"""Messages of a jailed process.

They may be hostile: they are parsed, bounded and used only for that script's outcome.
"""

from collections.abc import Sequence

import msgspec

from shared.surrogates import replace_escaped_surrogates
from shared.workflow.format.sizes import MAX_VALUES, has_too_many_values

MAX_HEADERS = 100
"""Headers of one fetch."""
_MAX_FRAME_VALUES = 2 * MAX_VALUES
"""Bound on a frame's decoding cost: a result, and the fetches before it."""


class TooManyValues(ValueError):
    """The frame has more values than the parent decodes."""


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The process is warm and locked down."""


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The host did not grant the lockdown."""

    text: str


class ReplacementDue(msgspec.Struct, frozen=True, tag="worn"):
    """The process has used so much memory or processor time that the next script needs another one."""


class _Ending(msgspec.Struct, frozen=True, kw_only=True):
    stdout: str = ""


class Returned(_Ending, frozen=True, tag="returned"):
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Thrown(_Ending, frozen=True, tag="thrown"):
    """Error thrown by the code, with V8's stack or Python's line."""

    name: str
    message: str
    stack: str
    line: int | None = None


class Oversized(_Ending, frozen=True, tag="oversized"):
    size: int


class Stalled(_Ending, frozen=True, tag="stalled"):
    """No work is left, and the code's promise is not settled."""


class Uncaught(_Ending, frozen=True, tag="uncaught"):
    """The harness could not start the code."""

    text: str


class Unparsable(_Ending, frozen=True, tag="unparsable"):
    """The code does not parse."""

    text: str
    line: int | None


class Exhausted(_Ending, frozen=True, tag="exhausted"):
    """A Python script reached its memory limit."""


class FetchCall(msgspec.Struct, frozen=True, tag="fetch"):
    id: int
    url: str
    method: str
    headers: msgspec.Raw
    body: str | None


Ending = Returned | Thrown | Oversized | Stalled | Uncaught | Unparsable | Exhausted
Message = Ready | Refused | ReplacementDue | Ending | FetchCall

_decode_headers = msgspec.json.Decoder(dict[str, str]).decode
_decode = msgspec.json.Decoder(list[Message]).decode


def decode(frame: bytes) -> list[Message]:
    """Raises msgspec.DecodeError, RecursionError, TooManyValues."""
    if has_too_many_values(frame, _MAX_FRAME_VALUES):
        raise TooManyValues
    return _decode(replace_escaped_surrogates(frame))


def decode_headers(call: FetchCall) -> dict[str, str]:
    """Return the headers of a fetch. Raises msgspec.DecodeError, TooManyValues."""
    if has_too_many_values(bytes(call.headers), MAX_HEADERS):
        raise TooManyValues
    return _decode_headers(call.headers)


class Run(msgspec.Struct, frozen=True, tag="run", kw_only=True):
    """Run this Python code."""

    code: str
    bindings: object
    params: object
    environment: object


class JavaScript(msgspec.Struct, frozen=True, tag="run", kw_only=True):
    """Run this code in a fresh context. `names` are the parameters of its function.

    The process compiles equal messages once. `Arguments` follow in the same frame, after a newline.
    """

    code: str
    names: Sequence[str]


class Arguments(msgspec.Struct, frozen=True, kw_only=True):
    """Values of the function's parameters, and of two globals."""

    values: Sequence[msgspec.Raw]
    params: object
    environment: object


class Fetched(msgspec.Struct, frozen=True, tag="fetched", kw_only=True):
    id: int
    error: str | None = None
    status: int = 0
    status_text: str = ""
    url: str = ""
    headers: dict[str, str] = {}
    body: str = ""


encode = msgspec.json.Encoder().encode


def encode_script(script: JavaScript, arguments: Arguments) -> bytes:
    """Return the frame of a script."""
    return encode(script) + b"\n" + encode(arguments)
