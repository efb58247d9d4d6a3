"""Compares a replayed run with its recording."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from executor_service.engine.recorded_answers import CHANGED_INPUTS, OVER_BUDGET, UNRECORDED
from shared.contracts.recordings import (
    CHANGED_OUTPUT,
    BlockDifference,
    Difference,
    RecordedBlock,
    Recording,
    ReplayResult,
    ReplayVerdict,
)
from shared.contracts.runs import RunStatus
from shared.workflow.diff.values import differences

CHANGED_ERROR: Final = "The error differs"
NOT_RUN: Final = "The block did not run"
NOT_BEFORE: Final = "The block did not run before"
MAX_CHANGED_BLOCKS: Final = 100


def judge(
    recording: Recording,
    blocks: Sequence[RecordedBlock],
    *,
    status: RunStatus,
    output: Any,
    error: str | None = None,
    duration_ms: float = 0.0,
    ignore: Sequence[str] = (),
    reports_all: bool = False,
) -> ReplayResult:
    """Return the comparison. `blocks` and `output` are the replay's, masked as the recording's are.

    `ignore` has patterns `block.path` of output fields that may differ; a block is named by its name or id, and the
    final output is `output`. With `reports_all`, the result has all blocks that differ.
    """
    ran = {block.path: block for block in blocks}
    call = next((each for each in blocks if each.error in (UNRECORDED, CHANGED_INPUTS)), None)
    changed_blocks = tuple(islice(_changed_blocks(recording, ran, ignore), MAX_CHANGED_BLOCKS if reports_all else 1))
    first = changed_blocks[0] if changed_blocks else None
    changed = differences(recording.output, output, ignore=_patterns(("output",), ignore))
    if call is not None:
        verdict = ReplayVerdict.UNRECORDED
    elif status is RunStatus.FAILED and recording.status is not RunStatus.FAILED:
        verdict = ReplayVerdict.FAILED
    elif first is not None or changed or status is not recording.status:
        verdict = ReplayVerdict.DIFFERENT
    else:
        verdict = ReplayVerdict.SAME
    return ReplayResult(
        replay_of=recording.run_id,
        verdict=verdict,
        first_difference=first,
        unrecorded_call=None if call is None else _unrecorded(call, recording),
        output=changed,
        status=status,
        recorded_status=recording.status,
        error=error,
        blocks=len(blocks),
        duration_ms=duration_ms,
        recorded_duration_ms=recording.duration_ms,
        is_cut=recording.is_cut,
        recorded_usd=recording.usage.cost_usd,
        replayed_usd=sum(block.usage.cost_usd for block in blocks),
        changed_blocks=changed_blocks if reports_all else (),
        over_budget=any(block.error == OVER_BUDGET for block in blocks),
    )


def _changed_blocks(
    recording: Recording, ran: Mapping[str, RecordedBlock], ignore: Sequence[str]
) -> Iterator[BlockDifference]:
    known = {block.path for block in recording.blocks}
    for before in recording.blocks:
        after = ran.get(before.path)
        if after is None:
            yield _difference(before, NOT_RUN)
        elif after.error in (UNRECORDED, CHANGED_INPUTS):
            yield _unrecorded(after, recording)
        elif before.error != after.error:
            yield _difference(before, CHANGED_ERROR, (Difference("error", before.error, after.error),))
        else:
            patterns = _patterns((before.block_name, before.block_id, after.block_name), ignore)
            if changed := differences(before.output, after.output, ignore=patterns):
                yield _difference(before, CHANGED_OUTPUT, changed)
    if not recording.is_cut:
        yield from (_difference(each, NOT_BEFORE) for path, each in ran.items() if path not in known)


def _unrecorded(call: RecordedBlock, recording: Recording) -> BlockDifference:
    before = next((each for each in recording.blocks if each.path == call.path), None)
    changed = () if before is None else differences(before.inputs, call.inputs)
    return _difference(call, str(call.error), changed)


def _difference(block: RecordedBlock, reason: str, changed: tuple[Difference, ...] = ()) -> BlockDifference:
    return BlockDifference(
        path=block.path,
        block_id=block.block_id,
        block_name=block.block_name,
        block_type=block.block_type,
        reason=reason,
        differences=changed,
    )


def _patterns(names: Sequence[str], ignore: Sequence[str]) -> list[str]:
    """Return the patterns of fields in the output of a block with one of these names."""
    found = (pattern.partition(".") for pattern in ignore)
    return [field for name, _, field in found if field and (name == "*" or name in names)]
