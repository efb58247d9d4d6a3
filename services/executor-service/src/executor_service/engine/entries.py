"""What can happen in a run, as data: live, in the journal, and when a run is restored, it is these, in order."""

from datetime import datetime
from typing import Any

import msgspec

from executor_service.engine.state import ChildPin, Opening, Output, Pause, RunState, Work
from shared.contracts.block_logs import BlockLog
from shared.contracts.outcomes import RunError
from shared.contracts.usage import Usage


class BlockDone(msgspec.Struct, omit_defaults=True, tag="block"):
    """A block ran. `error` is set when it failed, `handled` when an error edge leads on.

    `log` has no output of its own: it is made from `output` again.
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
    """How many log entries had been numbered when it happened; likewise in the other entries."""


class Opened(msgspec.Struct, omit_defaults=True, tag="open"):
    """A container decided what it iterates over; or failed to, with `error`."""

    work: Work
    at: datetime
    opening: Opening | None = None
    error: RunError | None = None
    order: int = 0


class Checked(msgspec.Struct, omit_defaults=True, tag="check"):
    """A loop asked its condition. One that could not be evaluated ends it as if it were false, with a `problem`."""

    work: Work
    at: datetime
    again: bool
    error: RunError | None = None
    order: int = 0
    problem: str | None = None


class Intended(msgspec.Struct, frozen=True, tag="intent"):
    """A block is about to change the world outside."""

    work: Work


class Resumed(msgspec.Struct, omit_defaults=True, tag="resume"):
    """A pause is over; `output` is what the block gives now."""

    context_id: str
    at: datetime
    output: Output
    order: int = 0


class Pinned(msgspec.Struct, frozen=True, tag="pin"):
    """A block is about to call a workflow, in this version."""

    work: Work
    pin: ChildPin


class InChild(msgspec.Struct, frozen=True, tag="child"):
    """Something happened in the workflow that a block called."""

    work: Work
    entry: msgspec.Raw


class CallPaused(msgspec.Struct, omit_defaults=True, tag="call_pause"):
    """A called workflow waits for `pauses`, and so does the block that called it.

    `state` is where the called workflow stands. The journal does without: it has what happened there.
    """

    work: Work
    log: BlockLog
    pauses: tuple[Pause, ...]
    usage: Usage = Usage()
    state: RunState | None = None
    order: int = 0


class CallResumed(msgspec.Struct, frozen=True, tag="call_resume"):
    """A pause in a called workflow was answered: the block that called it goes on."""

    work: Work


Entry = BlockDone | Opened | Checked | Intended | Resumed | Pinned | InChild | CallPaused | CallResumed

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Entry)


Numbered = BlockDone | Opened | Checked | Resumed | CallPaused
"""What log entries may follow from."""


def encode(entry: Entry) -> msgspec.Raw:
    """An entry as the journal keeps it."""
    kept = msgspec.structs.replace(entry, state=None) if isinstance(entry, CallPaused) else entry
    return msgspec.Raw(_encoder.encode(kept))


def decode(data: msgspec.Raw) -> Entry:
    """An entry from the journal. Raises msgspec.DecodeError."""
    entry: Entry = _decoder.decode(data)
    return entry


def kind_of(entry: Entry) -> str:
    """The entry's kind, as the journal names it."""
    return str(entry.__struct_config__.tag)
