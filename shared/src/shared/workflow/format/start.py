"""Start blocks of a run, and their output."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from msgspec.structs import replace

from shared.contracts.runs import Trigger
from shared.errors import InvalidRequest
from shared.workflow.format.input_format import InputField, read_input_format
from shared.workflow.format.js_values import MISSING, Json, JsonObject, Missing, parse_json, to_number, to_string
from shared.workflow.format.models import Block, WorkflowState
from shared.workflow.format.references import fill_environment

NO_START_BLOCK: Final = "No start block found. Add a start block to this workflow."
RESERVED_FIELDS: Final = ("error", "selectedOption", "selectedRoute", "_pauseMetadata")
"""Reserved names of input fields: these output keys control the run."""
CONTROLS_OUTSIDE_INPUT: Final = frozenset(
    {
        "base64MaxBytes",
        "copilotToolCallId",
        "deploymentVersionId",
        "includeFileBase64",
        "inputFromExecutionId",
        "parentWorkspaceId",
        "runFromBlock",
        "selectedOutputs",
        "stopAfterBlockId",
        "stream",
        "triggerBlockId",
        "triggerType",
        "useDraftState",
        "workflowId",
        "workflowStateOverride",
    }
)
"""Control keys of an execute call that are no input of the workflow."""
CONTROLS_IN_INPUT: Final = frozenset(
    {"executionId", "includeThinking", "includeToolCalls", "isClientSession", "startBlockId"}
)
"""Control keys of an execute call that the workflow receives as well."""

_API_KINDS: Final = ("start_trigger", "api_trigger", "input_trigger", "starter")
_CHAT_KINDS: Final = ("start_trigger", "chat_trigger", "starter")
_START_KINDS: Final[Mapping[Trigger, tuple[str, ...]]] = {
    Trigger.API: _API_KINDS,
    Trigger.MCP: _API_KINDS,
    Trigger.A2A: _API_KINDS,
    Trigger.WORKFLOW: ("start_trigger", "input_trigger", "api_trigger", "manual_trigger", "starter"),
    Trigger.MANUAL: (
        "start_trigger",
        "manual_trigger",
        "input_trigger",
        "api_trigger",
        "chat_trigger",
        "starter",
    ),
    Trigger.CHAT: _CHAT_KINDS,
    Trigger.WEBHOOK: ("generic_webhook",),
    Trigger.SCHEDULE: ("schedule",),
}
_UNSERVED_KINDS: Final = (*_START_KINDS[Trigger.WEBHOOK], *_START_KINDS[Trigger.SCHEDULE])
_TRUE: Final = (True, "true", "1", 1)
_FALSE: Final = (False, "false", "0", 0)


def choose_start(state: WorkflowState, trigger: Trigger = Trigger.API) -> Block | None:
    """Return the enabled start block for a trigger, or None. No run begins within a container."""
    for kind in _START_KINDS[trigger]:
        for block in state.blocks.values():
            if block.type == kind and block.enabled and state.container_of(block.id) is None:
                return block
    return None


def api_starts(state: WorkflowState) -> list[Block]:
    """Return the enabled blocks that could begin an API call, those within containers included."""
    return [block for block in state.blocks.values() if block.type in _API_KINDS and block.enabled]


def unserved_triggers(state: WorkflowState) -> tuple[Block, ...]:
    """Return the enabled blocks that wait for a schedule or another service's call: Flowport supports neither."""
    called = set(_START_KINDS[Trigger.MANUAL])
    return tuple(
        block
        for block in state.blocks.values()
        if block.enabled and (block.type in _UNSERVED_KINDS or (block.trigger_mode and block.type not in called))
    )


def input_fields(state: WorkflowState) -> tuple[InputField, ...]:
    """Return the inputs for API callers that the start block declares; for OpenAPI and samples."""
    start = choose_start(state)
    return read_input_format(start.value("inputFormat")) if start else ()


def start_output(
    block: Block,
    body: Json,
    *,
    run_metadata: JsonObject | None = None,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> JsonObject:
    """Return the start block's output for a caller's input.

    `run_metadata` appears as `metadata` if the block requests it; `environment` has the values that defaults, but no
    inputs, may name. Raises ReservedInputField.
    """
    sent: JsonObject = body if isinstance(body, dict) else {} if body is None else {"input": body}
    declared = tuple(
        replace(field, value=fill_environment(field.value, environment))
        for field in read_input_format(block.value("inputFormat"))
    )
    reports_run = block.value("runMetadata") is True
    _reject_reserved(block, declared, sent, reports_run=reports_run)
    match block.type:
        case "start_trigger":
            metadata: JsonObject = {"metadata": dict(run_metadata or {})} if reports_run else {}
            return {**_values(declared, sent), **_undeclared(declared, sent), **metadata}
        case "api_trigger" | "input_trigger" | "manual_trigger":
            return {**_fields_and_input(declared, sent), **_pick(sent, "files")}
        case "starter":
            return {**_fields_and_input(declared, sent), **_pick(sent, "conversationId", "files")}
        case "chat_trigger":
            return {"input": to_string(sent.get("input", "")), **_pick(sent, "conversationId", "files")}
        case _:
            return dict(sent)


class ReservedInputField(InvalidRequest):
    """An input field with a reserved name."""

    def __init__(self, block_name: str, names: list[str], reserved: tuple[str, ...] = RESERVED_FIELDS) -> None:
        super().__init__(
            f'Start block "{block_name}" cannot use reserved runtime input field name(s): {", ".join(names)}. '
            "These names control workflow execution and cannot be used as Start outputs. "
            f"Rename these fields before running the workflow. Reserved names are: {', '.join(reserved)}."
        )


def _reject_reserved(block: Block, declared: tuple[InputField, ...], sent: JsonObject, *, reports_run: bool) -> None:
    names = {field.name: None for field in declared}
    if not (names.keys().isdisjoint(RESERVED_FIELDS) and sent.keys().isdisjoint(RESERVED_FIELDS)):
        raise ReservedInputField(block.name, [name for name in {**names, **sent} if name in RESERVED_FIELDS])
    if reports_run and "metadata" in names:
        raise ReservedInputField(block.name, ["metadata"], (*RESERVED_FIELDS, "metadata"))


def _fields_and_input(declared: tuple[InputField, ...], sent: JsonObject) -> JsonObject:
    """Return the fields twice: at the top, and under `input`. Without declared fields, the caller's input."""
    values = _values(declared, sent) if declared else sent.get("input", dict(sent))
    return {**values, "input": dict(values)} if isinstance(values, dict) else {"input": values}


def _pick(sent: JsonObject, *keys: str) -> JsonObject:
    return {key: sent[key] for key in keys if sent.get(key) is not None}


def _undeclared(declared: tuple[InputField, ...], sent: JsonObject) -> JsonObject:
    rest = dict(sent)  # copied whole: a caller may send a million keys
    for field in declared:
        rest.pop(field.name, None)
    return rest


def _values(declared: tuple[InputField, ...], sent: JsonObject) -> JsonObject:
    values: JsonObject = {}
    for field in declared:
        value = coerce(_sent_value(field, sent), field.type)
        if value is not MISSING:
            values[field.name] = value
    return values


def _sent_value(field: InputField, sent: JsonObject) -> Json:
    nested = sent.get("input")
    value = nested[field.name] if isinstance(nested, dict) and field.name in nested else sent.get(field.name)
    return field.value if value is None else value


def coerce(value: Json, kind: str) -> Json | Missing:
    """Convert a value to its declared type. Keep inconvertible values; null is MISSING."""
    convert = _CONVERSIONS.get(kind)
    if value is None:
        return MISSING
    return convert(value) if convert else value


def _number(value: Json) -> Json:
    number = to_number(value)
    return value if math.isnan(number) else number


def _boolean(value: Json) -> Json:
    if isinstance(value, list | dict):
        return value
    return True if value in _TRUE else False if value in _FALSE else value


def _parsed(value: Json) -> Json:
    parsed = parse_json(value) if isinstance(value, str) else value
    return value if parsed is MISSING else parsed


def _files(value: Json) -> Json | Missing:
    parsed = _parsed(value)
    files: list[Json] = [parsed] if isinstance(parsed, dict) else parsed if isinstance(parsed, list) else []
    return files if files and all(_is_file(item) for item in files) else MISSING


def _is_file(item: Json) -> bool:
    return isinstance(item, dict) and isinstance(item.get("name"), str) and any(map(item.get, ("url", "path", "key")))


_CONVERSIONS: Final[Mapping[str, Callable[[Json], Json | Missing]]] = {
    "string": to_string,
    "number": _number,
    "boolean": _boolean,
    "object": _parsed,
    "array": _parsed,
    "file[]": _files,
}
