"""Recorded runs: the exact input of a run, and what each of its blocks received and returned.

Recordings form no reference cycles, and workers hold many of them: the garbage collector need not look at them.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import msgspec

from shared.contracts.recording_policy import RecordRun
from shared.contracts.runs import RunStatus, Usage

MAX_RECORDING_BYTES: Final = 16 * 1024 * 1024
"""JSON of one run's recording; later blocks are left out, and the recording is marked as cut."""


class EffectKind(StrEnum):
    """Effect of one block execution outside its run."""

    NONE = "none"
    MODEL = "model"
    READ = "read"
    WRITE = "write"
    PAUSE = "pause"
    """Waits for a person or a time."""


class RecordedBlock(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True, rename="camel"):
    """One execution of one block. Environment values appear as `{{NAME}}`."""

    path: str
    """Indexes of the enclosing iterations, outermost first, then the block's id: `0/2/send`. Unique within a run."""
    block_id: str
    block_name: str = ""
    block_type: str = ""
    order: int = 0
    """Position among the blocks that the run started."""
    inputs: Any = None
    """Resolved parameters."""
    output: Any = None
    error: str | None = None
    http_status: int | None = None
    """HTTP status of the error for the run's caller, if the block set one."""
    effect: EffectKind = EffectKind.NONE
    usage: Usage = Usage()
    started_at: datetime | None = None
    duration_ms: float = 0.0
    size: int = 0
    """Bytes of inputs and output."""
    is_resumption: bool = False
    """Only the output after a pause: `merge_blocks` adds it to the execution that paused."""


class Recording(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True, rename="camel"):
    """A recorded run."""

    run_id: str
    workspace_id: str
    workflow_id: str
    version: int | None = None
    """Number of the version that ran; None for a draft."""
    snapshot_hash: str = ""
    trigger: str = "api"
    start_block_id: str | None = None
    conversation_id: str | None = None
    input: Any = None
    status: RunStatus = RunStatus.COMPLETED
    output: Any = None
    error: str | None = None
    started_at: datetime | None = None
    duration_ms: float = 0.0
    usage: Usage = Usage()
    blocks: tuple[RecordedBlock, ...] = ()
    """In the order of their start."""
    is_cut: bool = False
    """Blocks are missing: the recording reached its size limit, or a worker was lost."""


def merge_blocks(blocks: Iterable[RecordedBlock]) -> tuple[RecordedBlock, ...]:
    """Return one entry for each path, in order of their start.

    A later entry replaces an earlier one; a resumption replaces only its output.
    """
    merged: dict[str, RecordedBlock] = {}
    for block in blocks:
        known = merged.get(block.path)
        if block.is_resumption and known is not None:
            merged[block.path] = msgspec.structs.replace(
                known, output=block.output, duration_ms=block.duration_ms or known.duration_ms
            )
        else:
            merged[block.path] = block
    return tuple(sorted(merged.values(), key=lambda block: block.order))


class RecordingSummary(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A recording without its contents."""

    run_id: str
    workflow_id: str
    version: int | None = None
    trigger: str = "api"
    conversation_id: str | None = None
    status: RunStatus = RunStatus.COMPLETED
    started_at: datetime
    duration_ms: float = 0.0
    blocks: int = 0
    size: int = 0
    """Bytes of its JSON."""
    is_cut: bool = False
    expires_at: datetime | None = None


MAX_BATCH_RECORDINGS: Final = 2_000
"""Recordings in one request."""


class PackedRecording(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A recording in a pack, with the ticket of its run, whose key is `summary.run_id`."""

    summary: RecordingSummary
    length: int
    """Bytes of its JSON in the content of the pack."""
    ticket: str = ""


class RecordingPack(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Recordings of one workflow that are stored and expire together."""

    workspace_id: str
    workflow_id: str
    record: RecordRun
    recordings: tuple[PackedRecording, ...]
    content: bytes
    """A Recording for each of them, as JSON, one after the other. jobs-service encrypts it unread."""


class StorePacks(msgspec.Struct, frozen=True):
    """Store packs, sent as MessagePack. Each recording is accepted or refused separately."""

    packs: tuple[RecordingPack, ...]


class RefusedRecording(msgspec.Struct, frozen=True, omit_defaults=True):
    """A recording of a batch that is not stored."""

    run_id: str
    reason: str = ""


class StoredRecordings(msgspec.Struct, frozen=True, omit_defaults=True):
    """Result of a batch: all others are stored."""

    refused: tuple[RefusedRecording, ...] = ()


class RecordingPage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Recordings, newest first. `next_cursor` is None on the last page."""

    recordings: tuple[RecordingSummary, ...] = ()
    next_cursor: str | None = None


class DeleteRecordings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Delete recordings of a workflow: of one run, of one conversation, or all.

    With `bar_revision`, later recordings of runs that began at this revision or an earlier one are refused, and the
    journals of the workflow's failed runs are deleted.
    """

    workflow_id: str
    run_id: str | None = None
    conversation_id: str | None = None
    bar_revision: int | None = None


class DeletedRecordings(msgspec.Struct, frozen=True):
    """Number of deleted recordings."""

    deleted: int


class ReplayVerdict(StrEnum):
    """Result of a replayed run."""

    SAME = "same"
    DIFFERENT = "different"
    FAILED = "failed"
    """The replay failed where the recorded run did not."""
    UNRECORDED = "unrecorded call"
    """A block made a call that the recording cannot answer."""


class Difference(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """A difference of two JSON values. `path` is empty for the whole value."""

    path: str
    before: Any = msgspec.UNSET
    """Unset for an added value."""
    after: Any = msgspec.UNSET
    """Unset for a removed value."""


CHANGED_OUTPUT: Final = "The output differs"
"""Reason of a block whose differences are those of its output."""


class BlockDifference(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A block that behaved differently. Its values are those of the output, or of the inputs of an unrecorded call."""

    path: str
    block_id: str
    block_name: str = ""
    block_type: str = ""
    reason: str
    differences: tuple[Difference, ...] = ()


class ReplayResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Comparison of a replayed run with its recording."""

    replay_of: str
    verdict: ReplayVerdict
    first_difference: BlockDifference | None = None
    """The first block that differs, in the order of their start."""
    unrecorded_call: BlockDifference | None = None
    output: tuple[Difference, ...] = ()
    """Differences of the final output."""
    status: RunStatus = RunStatus.COMPLETED
    recorded_status: RunStatus = RunStatus.COMPLETED
    error: str | None = None
    blocks: int = 0
    """Number of blocks that the replay ran or answered."""
    duration_ms: float = 0.0
    recorded_duration_ms: float = 0.0
    is_cut: bool = False
    """The recording is incomplete: blocks that it lacks are not compared."""
    recorded_usd: float = 0.0
    """Spend of the recorded run on models."""
    replayed_usd: float = 0.0
    """Spend of the replay on models that it called."""
    changed_blocks: tuple[BlockDifference, ...] = ()
    """Every block that differs, if requested."""
    over_budget: bool = False
    """The replay made a model call that the budget of its set does not cover: it is not compared."""
