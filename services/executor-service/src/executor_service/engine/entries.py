"""Entries: the events of a run, applied in the same order during the run and from its journal."""

from datetime import datetime
from typing import Any

import msgspec

from executor_service.engine.state import ChildPin, Opening, Output, Pause, RunState, Work
from shared.contracts.jobs import BlockLog
from shared.contracts.recordings import RecordedBlock
from shared.contracts.runs import RunError, Usage


class BlockFinished(msgspec.Struct, omit_defaults=True, tag="block"):
    """A block ran. `error` is set if it failed, `handled` if an error edge continues.

    `log` has no output: it is restored from `output`.
    """

    work: Work
    output: Output
    log: BlockLog
    error: RunError | None = None
    handled: bool = False
    assignments: dict[str, Any] = {}
    usage: Usage = Usage()
    pause: Pause | None = None
    order: int = 0
    """Number of log entries before it; likewise in the other entries."""
    recorded: RecordedBlock | None = None
    """The execution for the run's recording, in a journal without its output; None if the run is not recorded."""


class ContainerOpened(msgspec.Struct, omit_defaults=True, tag="open"):
    """A container determined its iterations, or failed with `error`."""

    work: Work
    at: datetime
    opening: Opening | None = None
    error: RunError | None = None
    order: int = 0


class LoopChecked(msgspec.Struct, omit_defaults=True, tag="check"):
    """A loop evaluated its condition. If that failed, it ends as if false, with a `problem`."""

    work: Work
    at: datetime
    again: bool
    error: RunError | None = None
    order: int = 0
    problem: str | None = None


class EffectAnnounced(msgspec.Struct, frozen=True, tag="intent"):
    """A block is about to cause an external effect."""

    work: Work


class PauseResumed(msgspec.Struct, omit_defaults=True, tag="resume"):
    """A pause ended; `output` is the block's final output."""

    context_id: str
    at: datetime
    output: Output
    order: int = 0


class ChildPinned(msgspec.Struct, frozen=True, tag="pin"):
    """A block is about to call this version of a workflow."""

    work: Work
    pin: ChildPin


class ChildEntry(msgspec.Struct, frozen=True, tag="child"):
    """An entry of the workflow that a block called."""

    work: Work
    entry: msgspec.Raw


class CallPaused(msgspec.Struct, omit_defaults=True, tag="call_pause"):
    """A called workflow waits for `pauses`, and so does the block that called it.

    `state` is that of the called workflow. The journal omits it, since it has the entries of that workflow.
    """

    work: Work
    log: BlockLog
    pauses: tuple[Pause, ...]
    usage: Usage = Usage()
    state: RunState | None = None
    order: int = 0


class CallResumed(msgspec.Struct, frozen=True, tag="call_resume"):
    """A pause in a called workflow was answered: the block that called it continues."""

    work: Work


Entry = (
    BlockFinished
    | ContainerOpened
    | LoopChecked
    | EffectAnnounced
    | PauseResumed
    | ChildPinned
    | ChildEntry
    | CallPaused
    | CallResumed
)

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Entry)


LoggedEntry = BlockFinished | ContainerOpened | LoopChecked | PauseResumed | CallPaused
"""Entries that may produce log entries."""


def encode(entry: Entry) -> msgspec.Raw:
    """Encode an entry for the journal."""
    stored = msgspec.structs.replace(entry, state=None) if isinstance(entry, CallPaused) else entry
    return msgspec.Raw(_encoder.encode(stored))


def decode(data: msgspec.Raw) -> Entry:
    """Decode an entry from the journal. Raises msgspec.DecodeError."""
    entry: Entry = _decoder.decode(data)
    return entry


def kind_of(entry: Entry) -> str:
    """Return the entry's kind in the journal."""
    return str(entry.__struct_config__.tag)
