"""HTTP response from a Response block: its status, body and headers, without control over our origin."""

import re
from typing import Any, Final

import msgspec

from shared.workflow.format.response_headers import CONTROLLED_HEADERS

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_THREE_DIGITS: Final = re.compile(r"[0-9]{3}")
_SECONDS: Final = re.compile(r"[0-9]{1,9}")
"""The only `Retry-After` that Sim's clients accept."""
_BODILESS: Final = frozenset({204, 205, 304})
SANDBOX: Final = {"x-content-type-options": "nosniff", "content-security-policy": "sandbox"}


class ResponseBlockOutput(msgspec.Struct, frozen=True):
    """Output that a Response block sets for the run."""

    data: msgspec.Raw = msgspec.Raw(b"null")
    status: Any = 200
    headers: Any = None


class HttpAnswer(msgspec.Struct, frozen=True):
    """Status, headers and body of the response."""

    status: int
    headers: dict[str, str]
    body: bytes


_decoder: Final = msgspec.json.Decoder(ResponseBlockOutput)


def http_answer(output: bytes) -> HttpAnswer:
    """Return the response that this Response block output describes."""
    block = _decoder.decode(output)
    status = _status(block.status)
    headers = {"content-type": "application/json", **_safe_headers(block.headers), **SANDBOX}
    return HttpAnswer(status, headers, b"" if status in _BODILESS else bytes(block.data))


def _status(raw: Any) -> int:
    if isinstance(raw, str) and _THREE_DIGITS.fullmatch(raw):
        raw = int(raw)
    return int(raw) if isinstance(raw, int | float) and 200 <= raw < 600 else 200


def _safe_headers(raw: Any) -> dict[str, str]:
    if not isinstance(raw, dict):
        return {}
    pairs = ((name.strip().lower(), _header_text(value)) for name, value in raw.items())
    return {
        name: value for name, value in pairs if value is not None and _NAME.fullmatch(name) and _is_allowed(name, value)
    }


def _is_allowed(name: str, value: str) -> bool:
    if name == "retry-after":
        return _SECONDS.fullmatch(value) is not None
    return CONTROLLED_HEADERS.fullmatch(name) is None


def _header_text(value: Any) -> str | None:
    if isinstance(value, bool):
        value = "true" if value else "false"
    text = str(value) if isinstance(value, int | float) else value
    return text.strip() if isinstance(text, str) and _VALUE.fullmatch(text) else None
