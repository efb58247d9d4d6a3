"""Requests that start a run: bodies of execute calls and of draft runs."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec import UNSET

from gateway.parsing import json_body, problems
from gateway.parsing.problems import Problem
from gateway.runs.controls import NO_CONTROLS, Controls, read_controls, workflow_input
from gateway.runs.errors import CallChainTooDeep
from shared.contracts.deployments import Endpoint
from shared.contracts.jobs import BlockLog
from shared.contracts.recording_policy import RecordRun, ReplayRun
from shared.contracts.runs import CALL_CHAIN_HEADER, CALL_CHAIN_TOO_DEEP, MAX_CALL_DEPTH, RunMode, RunOptions, Trigger
from shared.errors import Forbidden, InvalidRequest
from shared.workflow.format.js_values import JsonObject

MAX_TIMEOUT_SECONDS: Final = 604_800
AGENT_EVENTS: Final = "agent-events-v1"
PINNING_NEEDS_KEY: Final = "Running another version than the live one requires an API key"
_VERSION: Final = re.compile(r"[1-9][0-9]{0,8}")
_ADDRESS: Final = re.compile(r"(?=.{1,2048}$)https?://[^\s/?#]+\S*")
_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{0,20})?")


class Continuation(msgspec.Struct, frozen=True):
    """Start at `block_id`, with these outputs or those of the run `run_id`."""

    block_id: str
    outputs: dict[str, Any] | None = None
    run_id: str | None = None


class DraftRun(msgspec.Struct, frozen=True, kw_only=True):
    """Options of a signed-in user's run. `uses_draft` is false for a run of the live version."""

    uses_draft: bool = True
    state: JsonObject | None = None
    start_block_id: str | None = None
    continuation: Continuation | None = None
    input_run_id: str | None = None
    """Run whose input replaces this one's."""

    @property
    def needs_write(self) -> bool:
        """Return whether the run uses something other than the live version."""
        return self.uses_draft or self.continuation is not None or self.input_run_id is not None


class ExecuteRequest(RunOptions, frozen=True, kw_only=True):
    """Validated execute request; one model for every API generation."""

    input: bytes
    """Workflow input as JSON."""
    run_id: str | None = None
    time_limit_seconds: int | None = None
    version: int | None = None
    checks_input: bool = False
    """Whether strict validation of the workflow applies: not to chats, agents and runs of editors."""
    draft_run: DraftRun | None = None
    """Set for signed-in users."""
    may_have_begun: bool = False
    """Whether an earlier call with the same idempotency key may have begun the run `run_id`."""

    @property
    def is_durable(self) -> bool:
        """Return whether the run is durable."""
        return self.mode is RunMode.ASYNC or (self.mode is RunMode.STREAM and self.keep_events)


def read_execute_request(
    headers: Mapping[str, str],
    body: bytes,
    *,
    is_public: bool,
    is_session: bool = False,
    call_chain: tuple[str, ...] = (),
) -> ExecuteRequest:
    """Parse the request of a key, a signed-in user or the public.

    Raises MalformedJson, InvalidRequest, Forbidden.
    """
    chosen_id = headers.get("x-execution-id")

    def with_controls(document: bytes) -> tuple[bytes, Controls]:
        return document, read_controls(document, checks_execution_id=chosen_id is None)

    document, controls = json_body.read(json_body.without_bom(body) or b"{}", with_controls)
    run_id = _run_id(chosen_id, controls)
    seconds = _timeout_seconds(headers.get("x-execution-timeout-seconds"))
    if not is_session and controls is not NO_CONTROLS:
        _refuse_for_outsiders(controls, is_public=is_public)
    mode = _mode(headers, controls)
    _refuse_for_mode(controls, mode, seconds, is_public=is_public)
    agent_events = headers.get("x-sim-stream-protocol") == AGENT_EVENTS
    draft_run = read_draft_run(controls) if is_session and mode is not RunMode.ASYNC else None
    wants_agent_events = controls.include_thinking is True or controls.include_tool_calls is True
    refuse_unnegotiated(wants_agent_events, agent_events=agent_events)
    return ExecuteRequest(
        mode=mode,
        input=_session_input(controls, mode) if is_session else workflow_input(document, controls),
        run_id=run_id,
        time_limit_seconds=seconds,
        selected_outputs=() if controls.selected_outputs is UNSET else tuple(controls.selected_outputs),
        stop_after_block_id=None if controls.stop_after_block_id is UNSET else controls.stop_after_block_id,
        include_thinking=controls.include_thinking is True,
        include_tool_calls=controls.include_tool_calls is True,
        include_file_base64=controls.include_file_base64 is not False,
        base64_max_bytes=None if controls.base64_max_bytes is UNSET else int(controls.base64_max_bytes),
        agent_events=agent_events,
        call_chain=call_chain,
        version=pinned_version(headers.get("x-workflow-version"), is_public=is_public),
        callback_url=callback_url(headers, mode),
        checks_input=not is_session,
        trigger=trigger_of(controls) if is_session else Trigger.API,
        draft_run=draft_run,
        keep_events=mode is RunMode.STREAM and draft_run is not None and draft_run.uses_draft,
    )


def replay_request(*, version: int | None, is_draft: bool, replay: ReplayRun | None = None) -> ExecuteRequest:
    """Return the request of a replay, whose input is that of a recorded run."""
    return ExecuteRequest(
        mode=RunMode.ASYNC,
        input=b"{}",
        trigger=Trigger.MANUAL,
        version=version,
        draft_run=DraftRun() if is_draft else None,
        replay=replay,
    )


def _session_input(controls: Controls, mode: RunMode) -> bytes:
    if controls.has("input_from_execution_id") and mode is RunMode.ASYNC:
        raise InvalidRequest("inputFromExecutionId is not supported for async execution")
    if controls.has("input_from_execution_id") and controls.has("input"):
        raise InvalidRequest("Provide either input or inputFromExecutionId, not both")
    return b"{}" if controls.input is UNSET else msgspec.json.encode(controls.input)


def callback_url(headers: Mapping[str, str], mode: RunMode) -> str | None:
    """Return the URL to notify when the run ends. Raises InvalidRequest."""
    url = headers.get("x-callback-url")
    if url is None:
        return None
    if mode is not RunMode.ASYNC:
        raise InvalidRequest("X-Callback-Url is supported only for async runs")
    if not _ADDRESS.fullmatch(url):
        problem = Problem("X-Callback-Url", "Callback URL must be an http or https URL of at most 2048 characters")
        raise InvalidRequest("Invalid callback URL header", details=[problem])
    return url


def pinned_version(header: str | None, *, is_public: bool) -> int | None:
    """Return the requested version, None for the live one. Raises InvalidRequest.

    The public may run only the live version: older ones may have been withdrawn deliberately.
    """
    if header is None:
        return None
    if is_public:
        raise InvalidRequest(PINNING_NEEDS_KEY)
    if not _VERSION.fullmatch(header):
        raise InvalidRequest("X-Workflow-Version must be a version number")
    return int(header)


def _run_id(header: str | None, controls: Controls) -> str | None:
    if header is None:
        return None if controls.execution_id is UNSET else str(controls.execution_id)
    found = list(problems.run_id(header, "X-Execution-Id"))
    if found:
        raise InvalidRequest("Invalid execution ID header", details=found)
    return header


def _timeout_seconds(header: str | None) -> int | None:
    if header is None:
        return None
    text = header.strip()
    problem = _timeout_problem(text)
    if problem:
        details = [Problem("X-Execution-Timeout-Seconds", problem)]
        raise InvalidRequest("Invalid execution timeout header", details=details)
    return int(float(text))


def _timeout_problem(text: str) -> str | None:
    if not _DECIMAL.fullmatch(text):
        return "Invalid input: expected number, received NaN"
    value = float(text)
    if value != int(value):
        return "Invalid input: expected int, received number"
    if value < 1:
        return "Execution timeout must be at least 1 second"
    if value > MAX_TIMEOUT_SECONDS:
        return f"Execution timeout cannot exceed {MAX_TIMEOUT_SECONDS} seconds"
    return None


def _refuse_for_outsiders(controls: Controls, *, is_public: bool) -> None:
    if controls.is_client_session is True:
        who = "Public API callers" if is_public else "API key callers"
        raise InvalidRequest(f"{who} cannot set isClientSession")
    if not is_public:
        _refuse_draft(controls)
    if controls.run_from_block is not UNSET:
        _refuse_partial_run(controls.run_from_block, is_public=is_public)
    if controls.trigger_type is not UNSET and controls.trigger_type != "api":
        raise InvalidRequest("External callers cannot override triggerType")
    if controls.has("input_from_execution_id"):
        raise Forbidden("Stored execution input can only be reused by an authenticated session")


def _refuse_draft(controls: Controls) -> None:
    if controls.has("workflow_state_override"):
        raise InvalidRequest("API key callers cannot provide workflowStateOverride")
    if controls.use_draft_state is True:
        raise InvalidRequest("API key callers cannot execute draft workflow state")


def _refuse_partial_run(run_from_block: Mapping[str, object], *, is_public: bool) -> None:
    if "sourceSnapshot" in run_from_block and not is_public:
        raise InvalidRequest("API key callers cannot provide runFromBlock.sourceSnapshot")
    if "sourceSnapshot" in run_from_block or "executionId" in run_from_block:
        raise InvalidRequest("External callers cannot resume from stored execution snapshots")
    raise InvalidRequest("runFromBlock requires either sourceSnapshot or executionId")


def _mode(headers: Mapping[str, str], controls: Controls) -> RunMode:
    if headers.get("x-execution-mode") == "async":
        return RunMode.ASYNC
    if controls.stream is True or headers.get("x-stream-response") == "true":
        return RunMode.STREAM
    return RunMode.SYNC


_NOT_ASYNC: Final = (
    "use_draft_state",
    "workflow_state_override",
    "run_from_block",
    "stop_after_block_id",
    "include_file_base64",
    "base64_max_bytes",
)


def _refuse_for_mode(controls: Controls, mode: RunMode, seconds: int | None, *, is_public: bool) -> None:
    if mode is not RunMode.ASYNC:
        if seconds is not None:
            raise InvalidRequest("X-Execution-Timeout-Seconds is supported only for async runs")
        return
    if is_public:
        raise InvalidRequest("Async execution requires an API key")
    selects = controls.selected_outputs is not UNSET and bool(controls.selected_outputs)
    if selects or controls.has(*_NOT_ASYNC):
        raise InvalidRequest("Async execution does not support draft or override execution controls")


def refuse_unnegotiated(wants_agent_events: bool, *, agent_events: bool) -> None:
    """Raise InvalidRequest if the caller requests frames that it did not negotiate."""
    if wants_agent_events and not agent_events:
        raise InvalidRequest(
            "includeThinking and includeToolCalls require the X-Sim-Stream-Protocol: agent-events-v1 request header, "
            "which declares that the client understands agent-event frames."
        )


def call_chain(headers: Mapping[str, str]) -> tuple[str, ...]:
    """Return their ids, outermost first. Raises CallChainTooDeep."""
    chain = tuple(part for part in map(str.strip, headers.get(CALL_CHAIN_HEADER, "").split(",")) if part)
    if len(chain) >= MAX_CALL_DEPTH:
        raise CallChainTooDeep(CALL_CHAIN_TOO_DEEP)
    return chain


LATEST: Final = "latest"
TRUNCATED_KEYS: Final = {"truncated", "bytes"}
"""Keys that replace a large output in a log."""


def read_draft_run(controls: Controls) -> DraftRun:
    """Parse the draft run options in a session's body. Raises InvalidRequest."""
    state = None if controls.workflow_state_override is UNSET else controls.workflow_state_override
    start = controls.trigger_block_id if controls.trigger_block_id is not UNSET else controls.start_block_id
    return DraftRun(
        uses_draft=controls.use_draft_state is not False or state is not None,
        state=state,
        start_block_id=None if start is UNSET else start,
        continuation=None if controls.run_from_block is UNSET else _continuation(controls.run_from_block),
        input_run_id=None if controls.input_from_execution_id is UNSET else controls.input_from_execution_id,
    )


def trigger_of(controls: Controls) -> Trigger:
    """Return the trigger for logs and the choice of the start block."""
    try:
        return Trigger(controls.trigger_type) if controls.trigger_type is not UNSET else Trigger.MANUAL
    except ValueError:
        return Trigger.MANUAL


def outputs_of(blocks: Iterable[BlockLog]) -> dict[str, Any]:
    """Return each block's last output in a finished run, including errors that an edge handled.

    Raises InvalidRequest if one was too large to log.
    """
    led_on = (log for log in blocks if log.success or log.error_handled)
    return {log.block_id: _full_output(log) for log in led_on if isinstance(log.output, dict)}


def input_of(blocks: Iterable[BlockLog]) -> dict[str, Any] | None:
    """Return a run's input, as its start block output it; None if it is no longer stored.

    Raises InvalidRequest if it was too large to log.
    """
    first = min(blocks, key=lambda log: log.execution_order, default=None)
    return _full_output(first) if first is not None and isinstance(first.output, dict) else None


def _full_output(log: BlockLog) -> dict[str, Any]:
    output: dict[str, Any] = log.output
    if output.keys() == TRUNCATED_KEYS and output["truncated"] is True:
        raise InvalidRequest(f"The output of {log.block_name} was too large to be stored. Run the full workflow.")
    return output


def _continuation(run_from: Mapping[str, Any]) -> Continuation:
    block_id = run_from["startBlockId"]
    if "sourceSnapshot" in run_from:
        states = run_from["sourceSnapshot"].get("blockStates")
        if not isinstance(states, dict):
            raise InvalidRequest("runFromBlock.sourceSnapshot needs blockStates")
        return Continuation(block_id, outputs=_snapshot_outputs(states))
    if "executionId" in run_from:
        return Continuation(block_id, run_id=run_from["executionId"])
    raise InvalidRequest("runFromBlock requires either sourceSnapshot or executionId")


def _snapshot_outputs(states: Mapping[str, Any]) -> dict[str, Any]:
    outputs = {block_id: state.get("output") for block_id, state in states.items() if isinstance(state, dict)}
    return {block_id: output for block_id, output in outputs.items() if isinstance(output, dict)}


def record_run(endpoint: Endpoint, chance: float) -> RecordRun | None:
    """Return how to record the next run of a workflow; None if it is not recorded. `chance` is random, from 0 to 1."""
    policy = endpoint.recording
    if policy is None or not endpoint.stores_data:
        return None
    is_sampled = chance < policy.sample
    if not is_sampled and not policy.failures:
        return None
    return RecordRun(policy.days, endpoint.revision, only_failure=not is_sampled)
