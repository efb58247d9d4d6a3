"""Conversion of messages to workflow inputs, and of outputs to message parts."""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import UNSET

from gateway.features.a2a.errors import ContentTypeNotSupported
from gateway.features.a2a.wire import Part
from gateway.runs.domain.answer_text import spoken
from gateway.runs.domain.redaction import redact_for_strangers
from shared.errors import InvalidRequest

TEXT: Final = "text/plain"
JSON: Final = "application/json"
BYTES: Final = "application/octet-stream"


def said(parts: Sequence[Part]) -> dict[str, Any]:
    """Return the fields of all data parts, the texts as `input`, and the files.

    Raises ContentTypeNotSupported, InvalidRequest.
    """
    fields: dict[str, Any] = {}
    texts, files = [], []
    for part in parts:
        match _content(part):
            case "text", text:
                texts.append(text)
            case "data", data:
                fields |= _fields(data)
            case _:
                files.append(_file(part))
    texts_or_nothing = {"input": "\n".join(texts)} if texts else {}
    return {**fields, **texts_or_nothing, **({"files": files} if files else {})}


def parts_of(output: bytes) -> tuple[Part, ...]:
    """Return the run's answer: text as text, anything else as data."""
    answer = spoken(redact_for_strangers(output))
    if isinstance(answer, str):
        return (Part(text=answer, media_type=TEXT),)
    return (Part(data=answer, media_type=JSON),)


def _content(part: Part) -> tuple[str, Any]:
    given = {"text": part.text, "raw": part.raw, "url": part.url}
    found = [(kind, value) for kind, value in given.items() if value is not None]
    if part.data is not UNSET:
        found.append(("data", part.data))
    if len(found) != 1:
        raise InvalidRequest("A part has one of text, raw, url and data")
    return found[0]


def _fields(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise ContentTypeNotSupported("A data part must be a JSON object: its members are the workflow's fields")
    return data


def _file(part: Part) -> dict[str, str]:
    mime, name = part.media_type or BYTES, part.filename or "file"
    if part.url is not None:
        return {"type": "url", "data": part.url, "name": name, "mime": mime}
    return {"type": "file", "data": f"data:{mime};base64,{part.raw}", "name": name, "mime": mime}
