"""Redaction of agent outputs in streams: thinking, intermediate messages and tool payloads."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

_MARK: Final = b'"timeSegments"'
_CALLS_MARK: Final = b'"toolCalls"'
_HIDDEN_IN_SEGMENT: Final = frozenset({"thinkingContent", "assistantContent"})
_HIDDEN_IN_CALL: Final = frozenset({"arguments", "input", "result", "output"})
_decoder: Final = msgspec.json.Decoder()
_encoder: Final = msgspec.json.Encoder()


def redact(document: bytes) -> bytes:
    """Return `document` (JSON) redacted; the same bytes if there is nothing to redact."""
    if _MARK not in document:
        return document
    return _encoder.encode(_replace(_decoder.decode(document), "timeSegments", _segments))


def redact_for_public(document: bytes) -> bytes:
    """Like `redact`, and also remove the payloads of all tool calls."""
    document = redact(document)
    if _CALLS_MARK not in document:
        return document
    return _encoder.encode(_replace(_decoder.decode(document), "toolCalls", _calls))


def _replace(value: Any, name: str, change: Callable[[Any], Any]) -> Any:
    """Return `value` with every value under the key `name` changed, at any depth."""
    if isinstance(value, list):
        return [_replace(item, name, change) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: change(item) if key == name else _replace(item, name, change) for key, item in value.items()}


def _calls(value: Any) -> Any:
    if isinstance(value, dict) and isinstance(value.get("list"), list):
        return {**value, "list": _calls(value["list"])}
    if isinstance(value, list):
        return [_call(call) if isinstance(call, dict) else call for call in value]
    return value


def _segments(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return [_segment(item) if isinstance(item, dict) else item for item in value]


def _segment(segment: dict[str, Any]) -> dict[str, Any]:
    kept = {key: item for key, item in segment.items() if key not in _HIDDEN_IN_SEGMENT}
    calls = kept.get("toolCalls")
    if isinstance(calls, list):
        kept["toolCalls"] = [_call(call) if isinstance(call, dict) else call for call in calls]
    return kept


def _call(call: dict[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in call.items() if key not in _HIDDEN_IN_CALL}
