"""Events of a run on the reply stream.

`EventBatch.seq` defines the order and has no gaps; exactly one `RunEnded` comes last.
"""

from typing import Final

import msgspec

from shared.contracts.runs import RunOutcome

SELECTION_TOO_LARGE: Final = "Selected output is too large to inline; select a nested field or use pagination/preview."


class RunStarted(msgspec.Struct, frozen=True, tag="started"):
    """A worker began the run."""


class Chunk(msgspec.Struct, frozen=True, tag="chunk"):
    """Text to append to a selected output. Never splits a character."""

    block_id: str
    text: str


class StreamReset(msgspec.Struct, frozen=True, tag="reset"):
    """Another worker took over: discard all earlier events. Finished blocks are reported again, others run again."""

    attempt: int


class BlockStreamFailed(msgspec.Struct, frozen=True, tag="stream_error"):
    """Reading one block's token stream failed; the run continues."""

    block_id: str
    message: str


class ChunkReset(msgspec.Struct, frozen=True, tag="chunk_reset"):
    """Discard all text of this block so far."""

    block_id: str


class Thinking(msgspec.Struct, frozen=True, tag="thinking"):
    """Part of a model's reasoning; only sent if the run requested it."""

    block_id: str
    text: str


class ToolActivity(msgspec.Struct, frozen=True, omit_defaults=True, tag="tool"):
    """A model's tool call began or ended, without arguments or results."""

    block_id: str
    phase: str
    tool_call_id: str
    name: str
    status: str | None = None


class SelectedOutput(msgspec.Struct, frozen=True, tag="selected"):
    """The value of a selected output that was not token-streamed; `path` is "" for the whole block."""

    block_id: str
    path: str
    value: msgspec.Raw


class SelectedOutputFailed(msgspec.Struct, frozen=True, tag="selected_error"):
    """A selected output could not be produced; the stream ends without a final frame."""

    block_id: str
    message: str


class BlockStarted(msgspec.Struct, frozen=True, omit_defaults=True, tag="block_started"):
    """A block began. `data` is the JSON object of the canvas event."""

    data: msgspec.Raw


class BlockEnded(msgspec.Struct, frozen=True, omit_defaults=True, tag="block_ended"):
    """A block completed or failed. `data` is the JSON object of the canvas event."""

    data: msgspec.Raw
    failed: bool = False


class RunEnded(msgspec.Struct, frozen=True, tag="ended"):
    """The run ended or paused. Last event."""

    outcome: RunOutcome


class RunExpired(msgspec.Struct, frozen=True, tag="expired"):
    """The run left all queues: no worker took it in time, or every worker that did was lost."""


RunEvent = (
    RunStarted
    | StreamReset
    | Chunk
    | BlockStreamFailed
    | ChunkReset
    | Thinking
    | ToolActivity
    | SelectedOutput
    | SelectedOutputFailed
    | BlockStarted
    | BlockEnded
    | RunEnded
    | RunExpired
)


MAX_CHUNK: Final = 1024 * 1024
"""Characters of one chunk. JSON encodes each in up to six bytes; a message may have 8 MiB."""
MAX_SELECTED_BYTES: Final = 7 * 1024 * 1024
"""JSON bytes of one selected output, which must fit into one message."""


def size_of(event: RunEvent) -> int:
    """Return an event's approximate size in bytes, if it can be large."""
    match event:
        case Chunk(text=text) | Thinking(text=text):
            return len(text)
        case SelectedOutput(value=value):
            return len(bytes(value))
        case BlockStarted(data=document) | BlockEnded(data=document):
            return len(bytes(document))
        case _:
            return 0
