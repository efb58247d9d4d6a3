"""Block logs for users: bounded, and without secrets."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from executor_service.engine.limits import Limits
from executor_service.engine.positions import Iteration, block_copy_id, parent_iterations
from executor_service.engine.secrets import MAX_LEVELS, Secrets
from executor_service.engine.state import ChildSpans, Output, RunState
from shared.clock import ms_between
from shared.contracts.jobs import BlockLog
from shared.contracts.runs import MAX_ERROR_CHARS
from shared.workflow.format.js_values import Json, JsonObject
from shared.workflow.format.sizes import is_too_deep

MAX_SPANS: Final = 500
"""Limit for reported blocks of a called workflow."""
SHORT_REASON: Final = 256
"""Characters of a block's error if the log is full."""

_encode: Final = msgspec.json.Encoder().encode


class BlockLogs:
    """Writes a run's log entries into its state."""

    def __init__(self, state: RunState, limits: Limits, secrets: Secrets) -> None:
        self._state = state
        self._limits = limits
        self._secrets = secrets
        self.bytes = sum(map(_size, state.logs))
        self.dropped = 0

    def add(self, entry: BlockLog) -> None:
        """Add an entry while there is room."""
        if len(self._state.logs) < self._limits.log_entries:
            self._state.logs.append(entry)
        else:
            self.dropped += 1

    def add_block(self, entry: BlockLog, output: Output) -> None:
        """Add a block's entry with its output, and a called workflow's trace while there is room."""
        shown, kept = self.redact(visible_fields(output)), self._room_for(entry.child_spans)
        self.add(msgspec.structs.replace(entry, output=shown, child_spans=kept, error=self._reason(entry.error)))

    def record_resume(self, order: int, output: Output, at: datetime) -> None:
        """Add the outcome to a paused block's entry with this number."""
        for index, entry in enumerate(self._state.logs):
            if entry.execution_order == order:
                took = ms_between(entry.started_at, at)
                shown = self.redact(visible_fields(output))
                self._state.logs[index] = msgspec.structs.replace(entry, output=shown, ended_at=at, duration_ms=took)

    def redact(self, value: Json, *, is_logged: bool = True) -> Json:
        """Return a value for a log: secrets masked, size limited. Only logged values count towards the log's limit."""
        if value is None:
            return None
        raw = _encode(value)
        total = self.bytes + min(len(raw), self._limits.log_value_bytes)
        if is_logged:
            self.bytes = total
        truncated: JsonObject = {"truncated": True, "bytes": len(raw)}
        if len(raw) > self._limits.log_value_bytes or total > self._limits.log_bytes:
            return truncated
        if not self._secrets.may_occur_in(raw):
            return value
        return truncated if is_too_deep(raw, MAX_LEVELS) else self._secrets.redact_value(value, by_name=True)

    def redact_output(self, output: Output, raw: bytes) -> bytes | None:
        """Return the run's output as JSON with every secret masked; None if `raw`, its JSON, has none."""
        if not self._secrets.may_occur_in(raw):
            return None
        if is_too_deep(raw, MAX_LEVELS):
            return _encode({"truncated": True, "bytes": len(raw)})
        masked = _encode(self._secrets.redact_value(dict(output), by_name=True))
        return None if masked == raw else masked

    def redact_reason(self, text: str) -> str:
        """Return the reason of a failure with every secret masked, at most as long as an error may be."""
        return self._secrets.redact(text)[:MAX_ERROR_CHARS]

    def _reason(self, error: str | None) -> str | None:
        if error is None:
            return None
        kept = error if self.bytes + len(error) <= self._limits.log_bytes else error[:SHORT_REASON]
        self.bytes += len(kept)
        return kept

    def _room_for(self, spans: ChildSpans) -> ChildSpans:
        size = len(_encode(spans)) if spans else 0
        if self.bytes + size > self._limits.log_bytes:
            return ()
        self.bytes += size
        return spans


def _size(entry: BlockLog) -> int:
    """Return the log size of an earlier attempt's entry."""
    return sum(len(_encode(part)) for part in (entry.input, entry.output, entry.child_spans, entry.error) if part)


def spans_of(blocks: Sequence[BlockLog]) -> ChildSpans:
    """Return a called workflow's trace, for the caller's log."""
    return tuple(msgspec.to_builtins(log) for log in blocks[:MAX_SPANS])


def visible_fields(output: Output) -> JsonObject:
    """Return an output without the engine's own fields."""
    if "_" in {key[:1] for key in output}:
        return {key: value for key, value in output.items() if not key.startswith("_")}
    return dict(output)  # copied completely: a caller may send a million keys


def at_position(entry: BlockLog, iterations: tuple[Iteration, ...], *, is_container: bool = False) -> BlockLog:
    """Return a log entry named for the block's position in loops and parallels."""
    if not iterations:
        return entry
    innermost = iterations[0]
    return msgspec.structs.replace(
        entry,
        block_id=block_copy_id(entry.block_id, iterations),
        block_name=entry.block_name if is_container else f"{entry.block_name} (iteration {innermost.index})",
        loop_id=None if innermost.is_parallel else innermost.container_id,
        parallel_id=innermost.container_id if innermost.is_parallel else None,
        iteration_index=innermost.index,
        parent_iterations=parent_iterations(iterations),
    )
