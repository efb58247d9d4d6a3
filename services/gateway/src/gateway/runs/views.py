"""Runs as API generations show them: outputs, response blocks, redaction."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from shared.contracts.jobs import (
    BlockLog,
    RunView,
)
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunStatus
from shared.workflow.format.response_headers import CONTROLLED_HEADERS
from shared.workflow.trace.spans import own_id, own_name

SELECTED: Final = "Comma-separated ids or names of blocks. The response has their last outputs as `blockOutputs`."


_STATUS: Final[Mapping[RunStatus, str]] = {RunStatus.PROCESSING: "running"}


def status_name(status: RunStatus) -> str:
    """Return the status name; these routes call `running` processing."""
    return _STATUS.get(status, status.value)


def status_of(word: str) -> RunStatus:
    """Return the status of a name. Raises ValueError."""
    return RunStatus.PROCESSING if word == _STATUS[RunStatus.PROCESSING] else RunStatus(word)


def output_payload(run: RunView) -> Payload | None:
    """Return the run's output, or a paused run's current one; a pause's output ends when the run continues."""
    return run.output if run.status is RunStatus.PAUSED or run.status.is_terminal else None


def cost_of(run: RunView) -> dict[str, float] | None:
    """Return the cost of a finished run, in US dollars."""
    return {"total": as_number(run.usage.cost_usd)} if run.status.is_terminal else None


def as_number(amount: float) -> float:
    """Return whole numbers as integers, as JavaScript writes them: `0` and not `0.0`."""
    return int(amount) if amount == int(amount) else amount


def block_outputs(blocks: Iterable[BlockLog], selected: Iterable[str]) -> dict[str, Any] | None:
    """Return the last outputs of these blocks, by id or name; None if none is named."""
    names = [name for name in selected if name]
    if not names:
        return None
    latest = {key: block.output for block in blocks if block.success for key in _keys(block)}
    return {name: latest[name] for name in names if name in latest}


def _keys(block: BlockLog) -> tuple[str, ...]:
    """Return the block's id and name, as logged (with loop and parallel rounds) and as authored."""
    return block.block_id, block.block_name, own_id(block.block_id), own_name(block)


def split_names(query: str | None) -> list[str]:
    """Split `a,b` into a list."""
    return [part.strip() for part in (query or "").split(",") if part.strip()]


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


_block_decoder: Final = msgspec.json.Decoder(ResponseBlockOutput)


def http_answer(output: bytes) -> HttpAnswer:
    """Return the response that this Response block output describes."""
    block = _block_decoder.decode(output)
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


_ANSWER_KEYS: Final = ("content", "result", "data")


_decode: Final = msgspec.json.Decoder().decode


def answer_in_output(output: bytes) -> Any:
    """Return the answer: an agent's content, a function's result, a response's data; otherwise the whole output."""
    value = _decode(output)
    if isinstance(value, dict):
        return next((value[key] for key in _ANSWER_KEYS if value.get(key) is not None), value)
    return value
