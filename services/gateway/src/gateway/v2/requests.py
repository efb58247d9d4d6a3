"""Request of a v2 execute call."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gateway.parsing import json_body, problems
from gateway.parsing.errors import MalformedJson
from gateway.runs.requests import (
    AGENT_EVENTS,
    PINNING_NEEDS_KEY,
    ExecuteRequest,
    callback_url,
    pinned_version,
    refuse_unnegotiated,
)
from gateway.v2.models import ExecuteBody
from gateway.web.bodies import MALFORMED, validated
from shared.contracts.runs import RunMode
from shared.errors import InvalidRequest

_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_decode: Final = msgspec.json.Decoder().decode
EMPTY: Final = b"{}"


def read_v2_request(
    headers: Mapping[str, str], body: bytes, *, is_public: bool, call_chain: tuple[str, ...] = ()
) -> ExecuteRequest:
    """Parse the request. Raises MalformedJson, InvalidRequest."""
    raw_input, options = json_body.read(json_body.without_bom(body) or EMPTY, _read)
    mode = RunMode.ASYNC if options.is_async else RunMode.STREAM if options.stream else RunMode.SYNC
    _refuse_combinations(options, is_public=is_public)
    agent_events = headers.get("x-sim-stream-protocol") == AGENT_EVENTS
    refuse_unnegotiated(options.include_thinking or options.include_tool_calls, agent_events=agent_events)
    return ExecuteRequest(
        mode=mode,
        input=raw_input,
        run_id=_run_id(headers.get("x-run-id")),
        time_limit_seconds=options.execution_timeout_seconds,
        selected_outputs=tuple(options.selected_outputs),
        include_thinking=options.include_thinking,
        include_tool_calls=options.include_tool_calls,
        include_file_base64=options.include_file_base64,
        base64_max_bytes=options.base64_max_bytes,
        agent_events=agent_events,
        call_chain=call_chain,
        version=_version(headers.get("x-workflow-version"), options.deployment_version, is_public=is_public),
        callback_url=callback_url(headers, mode),
        keep_events=True,
        checks_input=True,
    )


def _read(body: bytes) -> tuple[bytes, ExecuteBody]:
    """Return the input's raw bytes, and the rest of the body as a model."""
    try:
        members = json_body.decode(_members, body)
    except MalformedJson as error:
        error.message = MALFORMED
        raise
    except msgspec.ValidationError:
        return EMPTY, validated(ExecuteBody, _decode(body))
    raw_input = bytes(members.get("input", EMPTY))
    value: dict[str, Any] = {name: _decode(document) for name, document in members.items() if name != "input"}
    if not raw_input.startswith(b"{"):
        value["input"] = _decode(raw_input)
    return raw_input, validated(ExecuteBody, value)


def _refuse_combinations(options: ExecuteBody, *, is_public: bool) -> None:
    if options.is_async and options.stream:
        raise InvalidRequest("async and stream cannot be combined")
    if options.execution_timeout_seconds is not None and not options.is_async:
        raise InvalidRequest("executionTimeoutSeconds is supported only for async execution")
    shaping = options.model_fields_set & {"include_file_base64", "base64_max_bytes"}
    agent = options.include_thinking or options.include_tool_calls
    if options.is_async and (shaping or agent or options.selected_outputs):
        raise InvalidRequest("Async execution does not support streaming or output-shaping options")
    if agent and not options.stream:
        raise InvalidRequest("includeThinking and includeToolCalls require stream: true")
    if options.is_async and is_public:
        raise InvalidRequest("Async execution requires an API key")


def _version(header: str | None, named: int | None, *, is_public: bool) -> int | None:
    pinned = pinned_version(header, is_public=is_public)
    if named is not None and is_public:
        raise InvalidRequest(PINNING_NEEDS_KEY)
    if pinned is not None and named not in (None, pinned):
        raise InvalidRequest("X-Workflow-Version and deploymentVersion name different versions")
    return pinned or named


def _run_id(header: str | None) -> str | None:
    if header is None:
        return None
    found = [
        {"path": ["X-Run-Id"], "message": problem.message.replace("Execution", "Run")}
        for problem in problems.run_id(header, "X-Run-Id")
    ]
    if found:
        raise InvalidRequest("Invalid run ID header", details=found)
    return header
