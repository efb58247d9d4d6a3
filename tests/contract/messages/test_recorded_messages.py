"""Every message that a release published can still be read. From 0.1.0 on, files are added and never changed."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest

from shared.contracts.events import RunEvent
from shared.contracts.messages import (
    AttachedRunRequested,
    EventBatch,
    Message,
    RecordBatch,
    UnreadableMessage,
    decode,
    encode,
)

RECORDED = sorted((Path(__file__).parent / "recorded").rglob("*.json"))


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_recorded_message_is_still_read(file: Path) -> None:
    envelope = decode(file.read_bytes())
    assert decode(encode(envelope.message, traceparent=envelope.traceparent)) == envelope


@pytest.mark.parametrize(
    "file", sorted((Path(__file__).parent / "recorded/e21afff6").glob("*.json")), ids=lambda file: file.stem
)
def test_no_value_of_a_complete_message_is_lost(file: Path) -> None:
    """Commit e21afff6 recorded these with every field set: a renamed field would be dropped without an error."""
    envelope = decode(file.read_bytes())
    again = encode(envelope.message, traceparent=envelope.traceparent)
    assert _lost(json.loads(file.read_bytes()), json.loads(again)) == []


def _lost(recorded: Any, read: Any, path: str = "") -> list[str]:
    """Return the paths of recorded values that were not read."""
    if isinstance(recorded, dict) and isinstance(read, dict):
        return [lost for key, value in recorded.items() for lost in _lost(value, read.get(key), f"{path}.{key}")]
    if isinstance(recorded, list) and isinstance(read, list) and len(recorded) == len(read):
        return [lost for index, value in enumerate(recorded) for lost in _lost(value, read[index], f"{path}[{index}]")]
    return [] if recorded == read else [path]


def test_every_kind_of_message_and_event_is_recorded() -> None:
    messages = [decode(file.read_bytes()).message for file in RECORDED]
    events = {type(event) for message in messages if isinstance(message, EventBatch) for event in message.events}
    assert {type(message) for message in messages} == set(get_args(Message))
    assert events == set(get_args(RunEvent))


def test_a_field_that_a_newer_version_adds_is_not_an_obstacle() -> None:
    recorded = next(file for file in RECORDED if file.stem == "run.attached").read_bytes()
    newer = recorded.replace(b'"run_id"', b'"added_later":1,"run_id"', 1)
    assert isinstance(decode(newer).message, AttachedRunRequested)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"v":1}', b'{"v":2,"message":{"type":"control.cancel","run_id":"r"}}']
)
def test_an_undecodable_body_is_reported_as_such(body: bytes) -> None:
    with pytest.raises(UnreadableMessage):
        decode(body)


def test_records_of_both_kinds_are_recorded() -> None:
    batches = [m for file in RECORDED if isinstance(m := decode(file.read_bytes()).message, RecordBatch)]
    assert {type(record).__name__ for batch in batches for record in batch.records} == {"RunBegan", "RunRecorded"}
