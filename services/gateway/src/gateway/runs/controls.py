"""Control keys of a legacy execute body, and their validation."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import UNSET

from gateway.parsing import json_body, problems
from gateway.parsing.problems import Check, Problem, expected
from shared.errors import InvalidRequest

TRIGGERS: Final = ("manual", "api", "schedule", "chat", "webhook", "mcp", "copilot", "mothership", "workflow")


class Controls(msgspec.Struct, frozen=True, rename="camel"):
    """Keys of the body that are not only input. UNSET if not sent."""

    selected_outputs: Any = UNSET
    trigger_type: Any = UNSET
    stream: Any = UNSET
    use_draft_state: Any = UNSET
    is_client_session: Any = UNSET
    include_file_base64: Any = UNSET
    base64_max_bytes: Any = UNSET
    workflow_state_override: Any = UNSET
    stop_after_block_id: Any = UNSET
    run_from_block: Any = UNSET
    execution_id: Any = UNSET
    trigger_block_id: Any = UNSET
    start_block_id: Any = UNSET
    input_from_execution_id: Any = UNSET
    include_thinking: Any = UNSET
    include_tool_calls: Any = UNSET
    deployment_version_id: Any = UNSET
    copilot_tool_call_id: Any = UNSET
    parent_workspace_id: Any = UNSET
    workflow_id: Any = UNSET
    input: Any = UNSET

    def has(self, *names: str) -> bool:
        """Return whether the caller sent any of these, with any value."""
        return any(getattr(self, name) is not UNSET for name in names)


STAY_IN_INPUT: Final = frozenset(
    {"is_client_session", "execution_id", "start_block_id", "include_thinking", "include_tool_calls", "input"}
)
"""Controls that the workflow receives as well."""


CONTROL_KEYS: Final = frozenset(field.encode_name for field in msgspec.structs.fields(Controls))
"""The controls as callers write them."""


def _state_override(value: Any, path: str) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield expected("object", value, path)
        return
    for name, kind, needed in (
        ("blocks", dict, True),
        ("edges", list, True),
        ("loops", dict, False),
        ("parallels", dict, False),
    ):
        if (needed or name in value) and not isinstance(value.get(name), kind):
            expected_type = "array" if kind is list else "record"
            got = json_body.type_name(value[name]) if name in value else "undefined"
            yield Problem(f"{path}.{name}", f"Invalid input: expected {expected_type}, received {got}")


def _run_from_block(value: Any, path: str) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield expected("object", value, path)
        return
    start = value.get("startBlockId")
    if not isinstance(start, str) or not start:
        yield Problem(f"{path}.startBlockId", "Start block ID is required")
    if "sourceSnapshot" in value and not isinstance(value["sourceSnapshot"], dict):
        yield expected("object", value["sourceSnapshot"], f"{path}.sourceSnapshot")
    if "executionId" in value:
        yield from problems.string(value["executionId"], f"{path}.executionId")


_CHECKS: Final[Mapping[str, Check]] = {
    "selected_outputs": problems.strings,
    "trigger_type": problems.one_of(*TRIGGERS),
    "stream": problems.boolean,
    "use_draft_state": problems.boolean,
    "is_client_session": problems.boolean,
    "include_file_base64": problems.boolean,
    "base64_max_bytes": problems.positive_integer,
    "workflow_state_override": _state_override,
    "stop_after_block_id": problems.string,
    "run_from_block": _run_from_block,
    "execution_id": problems.run_id,
    "trigger_block_id": problems.string,
    "start_block_id": problems.string,
    "input_from_execution_id": problems.string,
    "include_thinking": problems.boolean,
    "include_tool_calls": problems.boolean,
    "deployment_version_id": problems.string,
    "copilot_tool_call_id": problems.string,
    "parent_workspace_id": problems.string,
}
_RULES: Final = tuple(
    (field.name, field.encode_name, _CHECKS[field.name])
    for field in msgspec.structs.fields(Controls)
    if field.name in _CHECKS
)
_REMOVED: Final = tuple(
    (field.name, field.encode_name) for field in msgspec.structs.fields(Controls) if field.name not in STAY_IN_INPUT
)

NO_CONTROLS: Final = Controls()
"""The controls of most bodies: none."""
_decoder: Final = msgspec.json.Decoder(Controls)
_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encoder: Final = msgspec.json.Encoder()


def read_controls(body: bytes, *, checks_execution_id: bool) -> Controls:
    """Return the controls in `body`. Raises MalformedJson, InvalidRequest naming every invalid field."""
    try:
        controls = json_body.decode(_decoder, body)
    except msgspec.ValidationError:
        found = [Problem("", f"Invalid input: expected object, received {json_body.kind_of(body)}")]
        raise invalid_body(found) from None
    if controls == NO_CONTROLS:
        return NO_CONTROLS
    found = [
        problem
        for name, path, check in _RULES
        if (value := getattr(controls, name)) is not UNSET and (checks_execution_id or name != "execution_id")
        for problem in check(value, path)
    ]
    if found:
        raise invalid_body(found)
    return controls


def invalid_body(found: list[Problem]) -> InvalidRequest:
    """Return the error that lists `found`."""
    return InvalidRequest("Invalid request body", details=found)


def workflow_input(body: bytes, controls: Controls) -> bytes:
    """Return `body` without controls, as JSON; `body` itself if there are none."""
    if controls is NO_CONTROLS:
        return body
    removed = {path for name, path in _REMOVED if getattr(controls, name) is not UNSET}
    if not removed:
        return body
    members = _members.decode(body)
    return _encoder.encode({name: value for name, value in members.items() if name not in removed})
