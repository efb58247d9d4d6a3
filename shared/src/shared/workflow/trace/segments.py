"""Model turns and tool calls of an agent, as child spans."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from shared.clock import iso
from shared.workflow.format.js_values import Json, JsonObject, object_of

_CUSTOM: Final = "custom_"
_SEGMENTS: Final = ("providerTiming", "timeSegments")
_MODEL_KEYS: Final = ("cost", "tokens", "model")
_TURN_KEYS: Final = ("tokens", "cost", "finishReason", "provider")


def model_details(output: Json) -> JsonObject:
    """Return the model details of a block that called a model; nothing for other blocks."""
    timing = output.get("providerTiming") if isinstance(output, dict) else None
    if not isinstance(output, dict) or not isinstance(timing, dict):
        return {}
    shown: JsonObject = {key: timing.get(key) for key in ("duration", "startTime", "endTime")}
    details: JsonObject = {key: output[key] for key in _MODEL_KEYS if key in output}
    return {**details, "providerTiming": {**shown, "segments": _list_in(output, *_SEGMENTS)}}


def segment_spans(span_id: str, output: Json) -> Iterator[JsonObject]:
    """Yield one span for each turn and each tool call, in order."""
    segments = [segment for segment in _list_in(output, *_SEGMENTS) if isinstance(segment, dict)]
    last_turn = max((index for index, segment in enumerate(segments) if segment.get("type") == "model"), default=-1)
    made = iter(_list_in(output, "toolCalls", "list"))
    for index, segment in enumerate(segments):
        span = _span(f"{span_id}-segment-{index}", segment)
        if segment.get("type") == "tool":
            yield {**span, **_tool_details(segment, next(made, None))}
        else:
            yield {**span, **_turn_details(segment, output, is_last=index == last_turn)}


def _list_in(output: Json, outer: str, inner: str) -> list[Json]:
    found = object_of(object_of(output).get(outer)).get(inner)
    return found if isinstance(found, list) else []


def _span(span_id: str, segment: JsonObject) -> JsonObject:
    name = segment.get("name")
    return {
        "id": span_id,
        "name": name.removeprefix(_CUSTOM) if isinstance(name, str) else name,
        "type": segment.get("type"),
        "duration": segment.get("duration"),
        "startTime": _iso_time(segment.get("startTime")),
        "endTime": _iso_time(segment.get("endTime")),
        "status": "success",
    }


def _iso_time(epoch_ms: Json) -> Json:
    if isinstance(epoch_ms, bool) or not isinstance(epoch_ms, int | float):
        return None
    return iso(datetime.fromtimestamp(epoch_ms / 1000, UTC))


def _turn_details(segment: JsonObject, output: Json, *, is_last: bool) -> JsonObject:
    details: JsonObject = {key: segment[key] for key in _TURN_KEYS if key in segment}
    details["model"] = segment.get("name")
    if segment.get("toolCalls"):
        details["modelToolCalls"] = segment["toolCalls"]
    if is_last and isinstance(output, dict) and "content" in output:
        details["output"] = {"content": output["content"]}
    return details


def _tool_details(segment: JsonObject, call: Json) -> JsonObject:
    details: JsonObject = {"toolCallId": segment.get("toolCallId")}
    if not isinstance(call, dict):
        return details
    result = call.get("result")
    return {
        **details,
        "status": "success" if call.get("success") else "error",
        "input": call.get("arguments"),
        "output": result if isinstance(result, dict) else {"value": result},
    }
