"""Rules of replay sets: verdicts, thresholds, and suggestions of fields to ignore."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import msgspec

from shared.contracts.recordings import CHANGED_OUTPUT, Difference, ReplayResult, ReplayVerdict
from shared.contracts.replay_sets import ReplayCounts, ReplayedVerdict, ReplayThresholds

MAX_SUGGESTIONS: Final = 100
MAX_RESULT_BYTES: Final = 16 * 1024
MAX_STORED_BYTES: Final = 8 * 1024 * 1024
"""A longer result is not stored: that of a measurement has all changed blocks, and a document can have 16 MiB."""
SHORT_DIFFERENCES: Final = 5
"""Differences of each value that a long result keeps."""
OVER_BUDGET: Final = "The budget for models is used up"
RECORDING_DELETED: Final = "The recording was deleted"
CANCELED: Final = "The replay was canceled"
EXPIRED: Final = "The result of the replay has expired"
UNREADABLE: Final = "The result of the replay could not be read"
RUN_ID_TAKEN: Final = "Another run has the id of the replay"
FINAL_OUTPUT: Final = "output"

_VERDICTS: Final = {
    ReplayVerdict.SAME: ReplayedVerdict.SAME,
    ReplayVerdict.DIFFERENT: ReplayedVerdict.DIFFERENT,
    ReplayVerdict.UNRECORDED: ReplayedVerdict.UNRECORDED,
    ReplayVerdict.FAILED: ReplayedVerdict.FAILED,
}
_INDEX: Final = re.compile(r"[0-9]+")
_WILDCARDS: Final = re.compile(r"([*?\[])")
_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class ReplayLimits:
    """How many replays may be in progress."""

    overall: int
    per_set: int


class Purpose(StrEnum):
    """Why a recorded run is replayed."""

    COMPARE = "compare"
    """On the snapshot of the set."""
    MEASURE = "measure"
    """On the version that was recorded, to find fields that change in every run."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Verdict on a recorded run. `reason` says why it was skipped or could not be replayed."""

    verdict: ReplayedVerdict
    reason: str | None = None
    result: ReplayResult | None = None


def judge(result: ReplayResult) -> Judgement:
    """Return the verdict on a replay that ran to its end."""
    if result.over_budget:
        return Judgement(ReplayedVerdict.SKIPPED, OVER_BUDGET)
    return Judgement(_VERDICTS[result.verdict], result=_stored(_shortened(result)))


def judge_measurement(result: ReplayResult) -> Judgement:
    """Return the judgement on a replay on the recorded version, with the whole result for suggestions."""
    return Judgement(ReplayedVerdict.SAME, result=_stored(result))


def refusals(counts: ReplayCounts, thresholds: ReplayThresholds, *, over_budget: int) -> tuple[str, ...]:
    """Return why a set does not pass; nothing if it does."""
    limits = (
        (counts.different, thresholds.max_different, "different"),
        (counts.unrecorded, thresholds.max_unrecorded, "unrecorded calls"),
        (counts.failed, thresholds.max_failed, "failed"),
    )
    found = [f"{name}: {count}, allowed: {limit}" for count, limit, name in limits if count > limit]
    if over_budget:
        found.append(f"not compared, because the budget for models is used up: {over_budget}")
    if not counts.compared:
        found.append("no run was compared")
    return tuple(found)


def suggestions(pairs: Iterable[tuple[ReplayResult, ReplayResult]]) -> tuple[str, ...]:
    """Return patterns of fields that differ between two replays of the same version."""
    found: dict[str, None] = {}
    for first, second in pairs:
        one, other = dict(_values(first)), dict(_values(second))
        for field in sorted({*one, *other}):
            if one.get(field) != other.get(field):
                found[_pattern(*field)] = None
    return tuple(list(found)[:MAX_SUGGESTIONS])


def _values(result: ReplayResult) -> Iterator[tuple[tuple[str, str], Any]]:
    """Yield what differs from the recording: block and path, and the value."""
    for block in result.changed_blocks:
        if block.reason != CHANGED_OUTPUT:
            continue
        name = block.block_name if block.block_name and "." not in block.block_name else block.block_id
        yield from _fields(name, block.differences)
    yield from _fields(FINAL_OUTPUT, result.output)


def _fields(name: str, differences: Iterable[Difference]) -> Iterator[tuple[tuple[str, str], Any]]:
    for each in differences:
        if each.path:
            yield (name, each.path), ("removed",) if each.after is msgspec.UNSET else ("value", each.after)


def _pattern(name: str, path: str) -> str:
    parts = ("*" if _INDEX.fullmatch(part) else _WILDCARDS.sub(r"[\1]", part) for part in path.split("."))
    return f"{name}.{'.'.join(parts)}"


def _stored(result: ReplayResult) -> ReplayResult | None:
    return result if len(_encode(result)) <= MAX_STORED_BYTES else None


def _shortened(result: ReplayResult) -> ReplayResult:
    """Return the result with few differences if it is long. Only suggestions need all changed blocks."""
    if len(_encode(result)) <= MAX_RESULT_BYTES:
        return result

    def shorten(block: Any) -> Any:
        return (
            None if block is None else msgspec.structs.replace(block, differences=block.differences[:SHORT_DIFFERENCES])
        )

    return msgspec.structs.replace(
        result,
        first_difference=shorten(result.first_difference),
        unrecorded_call=shorten(result.unrecorded_call),
        output=result.output[:SHORT_DIFFERENCES],
    )
