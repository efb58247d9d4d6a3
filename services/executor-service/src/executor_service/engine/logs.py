"""What each block did, for people: bounded, and without secrets."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from executor_service.engine.limits import Limits
from executor_service.engine.places import Round, node_name, parent_iterations
from executor_service.engine.secrets import REDACTED, hidden, to_hide
from executor_service.engine.state import ChildSpans, Output, RunState
from shared.contracts.block_logs import BlockLog
from shared.contracts.outcomes import MAX_ERROR_CHARS
from shared.workflow.jsvalues import Json, JsonObject

_SECRET_KEY: Final = re.compile(
    r"(?i)(?:.*[_-])?(?:api[_-]?key|password|passwd|secret|(?:access|refresh|auth|bearer)?[_-]?token|authorization"
    r"|private[_-]?key|secret[_-]?key|credentials?)"
)
_SUSPECT: Final = re.compile(rb"api[_-]?key|passw|secret|token|authorization|private[_-]?key|credential")
"""What the JSON of every value with such a key contains, in lower case: looking without regard to case is slow."""

MAX_SPANS: Final = 500
"""Blocks of a called workflow that are told of."""

_encode: Final = msgspec.json.Encoder().encode


class LogBook:
    """Writes the log entries of a run into its state."""

    def __init__(self, state: RunState, limits: Limits, secrets: Iterable[str]) -> None:
        self._state = state
        self._limits = limits
        self._secrets = to_hide(secrets)
        self._encoded_secrets = [_encode(secret)[1:-1] for secret in self._secrets]
        self._bytes = sum(map(_size, state.logs))
        self.dropped = 0

    def add(self, entry: BlockLog) -> None:
        """Keep an entry, as long as there is room."""
        if len(self._state.logs) < self._limits.log_entries:
            self._state.logs.append(entry)
        else:
            self.dropped += 1

    def add_block(self, entry: BlockLog, output: Output) -> None:
        """Keep the entry of a block, with what it gave, and what a workflow that it called did while there is room."""
        told = self._room_for(entry.child_spans)
        self.add(msgspec.structs.replace(entry, output=self.shown(visible(output)), child_spans=told))

    def shown(self, value: Json) -> Json:
        """A value as a log may show it: secrets hidden, not too large."""
        if value is None:
            return None
        raw = _encode(value)
        self._bytes += min(len(raw), self._limits.log_value_bytes)
        if len(raw) > self._limits.log_value_bytes or self._bytes > self._limits.log_bytes:
            return {"truncated": True, "bytes": len(raw)}
        if not self._may_hold_secrets(raw):
            return value
        try:
            return self._hidden(value)
        except RecursionError:  # nested more deeply than anything that came in: code may build such a value
            return {"truncated": True, "bytes": len(raw)}

    def shown_text(self, text: str) -> str:
        """Text with every secret hidden."""
        return hidden(text, self._secrets)

    def shown_reason(self, text: str) -> str:
        """Why something failed, with every secret hidden, and no longer than an error may be."""
        return self.shown_text(text)[:MAX_ERROR_CHARS]

    def _room_for(self, spans: ChildSpans) -> ChildSpans:
        size = len(_encode(spans)) if spans else 0
        if self._bytes + size > self._limits.log_bytes:
            return ()
        self._bytes += size
        return spans

    def _may_hold_secrets(self, raw: bytes) -> bool:
        return _SUSPECT.search(raw.lower()) is not None or any(secret in raw for secret in self._encoded_secrets)

    def _hidden(self, value: Json) -> Json:
        if isinstance(value, str):
            return self.shown_text(value) if self._secrets else value
        if isinstance(value, list):
            return [self._hidden(item) for item in value]
        if isinstance(value, dict):
            return {self.shown_text(key): self._hidden_entry(key, item) for key, item in value.items()}
        return value

    def _hidden_entry(self, key: str, item: Json) -> Json:
        is_secret = isinstance(item, str) and item and _SECRET_KEY.fullmatch(key)
        return REDACTED if is_secret else self._hidden(item)


def _size(entry: BlockLog) -> int:
    """What an entry of an earlier attempt has taken already."""
    return sum(len(_encode(part)) for part in (entry.input, entry.output, entry.child_spans) if part)


def spans_of(blocks: Sequence[BlockLog]) -> ChildSpans:
    """What the blocks of a called workflow did, for the log of the one that called it."""
    return tuple(msgspec.to_builtins(log) for log in blocks[:MAX_SPANS])


def visible(output: Output) -> JsonObject:
    """An output without what is the engine's own."""
    if any(key.startswith("_") for key in output):
        return {key: value for key, value in output.items() if not key.startswith("_")}
    return dict(output)  # copied whole: a caller may send a million keys


def placed(entry: BlockLog, rounds: tuple[Round, ...], *, is_container: bool = False) -> BlockLog:
    """A log entry named for where in its loops and parallels the block stands."""
    if not rounds:
        return entry
    innermost = rounds[0]
    return msgspec.structs.replace(
        entry,
        block_id=node_name(entry.block_id, rounds),
        block_name=entry.block_name if is_container else f"{entry.block_name} (iteration {innermost.index})",
        loop_id=None if innermost.is_parallel else innermost.container_id,
        parallel_id=innermost.container_id if innermost.is_parallel else None,
        iteration_index=innermost.index,
        parent_iterations=parent_iterations(rounds),
    )
