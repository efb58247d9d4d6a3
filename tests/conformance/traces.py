"""The stream traces: a workflow, a request, its models' answers, and the expected frames."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.support.model_server import Reply, ToolCall
from tests.support.workflow_files import block, workflow

DATA = Path(__file__).parent / "data" / "stream-traces.json"
ANY = "*"
"""Represents text that is not ours, at the end of an expected text."""
JsonObject = dict[str, Any]


@dataclass(frozen=True)
class Trace:
    """One trace. `frames` hold the reader's view: adjacent pieces of one text are one chunk."""

    id: str
    workflow: JsonObject
    body: JsonObject
    headers: Mapping[str, str]
    models: Mapping[str, tuple[Reply, ...]]
    frames: list[Any]
    streamed_calls: list[bool] | None
    """Whether each call to the models must request a stream; None where it does not matter."""

    @classmethod
    def read(cls, raw: JsonObject) -> Self:
        """Return the trace in the format of the data."""
        return cls(
            id=raw["id"],
            workflow=workflow(raw["id"], [_block(each) for each in raw["blocks"]], *map(tuple, raw["edges"])),
            body=raw["body"],
            headers=raw["headers"],
            models={model: tuple(_reply(reply) for reply in replies) for model, replies in raw["models"].items()},
            frames=raw["frames"],
            streamed_calls=raw.get("streamedCalls"),
        )

    def matches(self, frames: list[Any]) -> bool:
        """Return whether these frames are the expected ones, in order."""
        return len(frames) == len(self.frames) and all(map(_alike, self.frames, frames))


def collected(frames: list[Any]) -> list[Any]:
    """Return the frames with the pieces of each text joined: where it is cut depends on timing."""
    found: list[Any] = []
    for frame in frames:
        if found and (writer := _writer(frame)) is not None and writer == _writer(found[-1]):
            found[-1] = {**frame, "chunk": found[-1]["chunk"] + frame["chunk"]}
        else:
            found.append(frame)
    return found


def _writer(frame: Any) -> str | None:
    """Return the block whose text this is a piece of."""
    return str(frame["blockId"]) if isinstance(frame, dict) and "chunk" in frame else None


def _alike(expected: Any, seen: Any) -> bool:
    if isinstance(expected, dict) and isinstance(seen, dict):
        return list(expected) == list(seen) and all(_alike(value, seen[key]) for key, value in expected.items())
    if isinstance(expected, str) and expected.endswith(ANY):
        return isinstance(seen, str) and seen.startswith(expected[:-1]) and len(seen) >= len(expected)
    return bool(expected == seen)


def _block(raw: JsonObject) -> JsonObject:
    made = block(raw["id"], raw["type"], raw["name"], **raw.get("values", {}))
    inside = {"parentId": raw["parent"], "extent": "parent"} if "parent" in raw else {}
    return {**made, "data": {**raw.get("data", {}), **inside}}


def _reply(raw: JsonObject) -> Reply:
    return Reply(
        tokens=tuple(raw.get("tokens", ())),
        tool_calls=tuple(ToolCall(**call) for call in raw.get("toolCalls", ())),
        thinking=tuple(raw.get("thinking", ())),
        cut_after=raw.get("cutAfter"),
        status=raw.get("status", 200),
        error=raw.get("error"),
        prompt_tokens=raw.get("promptTokens"),
    )


TRACES = {raw["id"]: Trace.read(raw) for raw in json.loads(DATA.read_text())}
