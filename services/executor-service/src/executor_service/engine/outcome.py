"""Outcome of a run, for the rest of the system."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from executor_service.engine.logs import visible_fields
from executor_service.engine.request import RunRequest, RunResult
from executor_service.engine.state import Output, Pause, RunState
from executor_service.engine.stream import without_model_text
from shared.contracts.jobs import BlockLog
from shared.contracts.payloads import Payload
from shared.contracts.runs import ErrorCode, RunError, RunMode, RunOutcome, RunSpec, RunStatus, Usage, timeout_message

_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnd:
    """Facts that determine the outcome."""

    request: RunRequest
    state: RunState
    usage: Usage
    started_at: datetime
    ended_at: datetime
    duration_ms: float
    cancelled: bool = False
    error: RunError | None = None
    partial: Output | None = None
    """The last block's output when the run was stopped."""
    blocks_dropped: int = 0
    log_bytes: int = 0


def build_result(ending: RunEnd) -> RunResult:
    """Return the result of an ended or paused run."""
    status = _status(ending)
    output = _output(ending, status)
    raw = msgspec.Raw(_encode(output))
    outcome = RunOutcome(
        status=status,
        output=Payload(inline=raw, size=len(bytes(raw))),
        error=ending.error,
        started_at=ending.started_at,
        ended_at=ending.ended_at,
        duration_ms=ending.duration_ms,
        is_response=ending.state.is_response and status is RunStatus.COMPLETED,
    )
    return RunResult(
        outcome=outcome,
        output=output,
        blocks=blocks_of(ending.state),
        usage=ending.usage,
        pauses=tuple(ending.state.pauses.values()) if status is RunStatus.PAUSED else (),
        state=ending.state if status is RunStatus.PAUSED else None,
        blocks_dropped=ending.blocks_dropped,
        log_bytes=ending.log_bytes,
    )


def blocks_of(state: RunState) -> list[BlockLog]:
    """Return the log, including waiting calls; a stopped one has its entry already."""
    if not state.waiting:
        return state.logs
    logged = {log.execution_order for log in state.logs}
    waiting = (call.log for call in state.waiting.values())
    return [*state.logs, *(log for log in waiting if log.execution_order not in logged)]


def timed_out(spec: RunSpec) -> RunError:
    """Return the error of a run over its time limit."""
    return RunError(ErrorCode.TIMEOUT, timeout_message(spec.time_limit_text_ms or spec.time_limit_ms))


def _status(ending: RunEnd) -> RunStatus:
    if ending.cancelled:
        return RunStatus.CANCELLED
    if ending.error is not None:
        return RunStatus.FAILED
    if ending.state.pauses and not ending.state.finished:
        return RunStatus.PAUSED
    return RunStatus.COMPLETED


def _output(ending: RunEnd, status: RunStatus) -> Output:
    if status is RunStatus.PAUSED:
        return _paused_output(list(ending.state.pauses.values()))
    output = ending.state.final if ending.state.final is not None else (ending.partial or {})
    shown = visible_fields(output)
    bare = without_model_text(shown) if ending.request.spec.mode is RunMode.STREAM else shown
    return bare if isinstance(bare, dict) else shown


def _paused_output(pauses: list[Pause]) -> Output:
    if len(pauses) == 1:
        return pauses[0].response
    return {
        "pausedBlocks": [
            {"contextId": pause.context_id, "blockId": pause.block_id, **pause.response} for pause in pauses
        ],
        "pauseCount": len(pauses),
    }
