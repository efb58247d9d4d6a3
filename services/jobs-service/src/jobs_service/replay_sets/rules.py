"""Rules of replay sets: verdicts, thresholds, and suggestions of fields to ignore."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol

import msgspec

from jobs_service.queue.capacity import QueueCounter
from shared.contracts.recordings import CHANGED_OUTPUT, Difference, ReplayResult, ReplayVerdict
from shared.contracts.replay_sets import (
    CreateReplaySet,
    ReplayCounts,
    ReplayedRunPage,
    ReplayedVerdict,
    ReplaySet,
    ReplaySetPage,
    ReplayThresholds,
)
from shared.ids import derived_id

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
        for name in sorted({*one, *other}):
            if one.get(name) != other.get(name):
                found[_pattern(*name)] = None
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


WAITING: Final = "waiting"
STARTED: Final = "started"
DONE: Final = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOfSet:
    """A recorded run in a set."""

    id: str
    set_id: str
    number: int
    run: str
    """Key of the recorded run."""
    purpose: Purpose = Purpose.COMPARE
    round: int = 0
    state: str = WAITING
    snapshot_hash: str | None = None
    """The content to replay on, if it is not the set's."""
    version: int | None = None
    result: ReplayResult | None = None

    @property
    def replay_run_id(self) -> str:
        """Return the id of the run that replays it."""
        return replay_id(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSet:
    """A set in progress."""

    request: CreateReplaySet
    expires_at: datetime
    is_measuring: bool = False
    """Whether its measurements are stored."""
    started: Sequence[RunOfSet] = field(default=())

    @property
    def id(self) -> str:
        """Return the id of the set."""
        return self.request.id

    @property
    def workspace_id(self) -> str:
        """Return the workspace of the set."""
        return self.request.run.snapshot.workspace_id

    @property
    def workflow_id(self) -> str:
        """Return the workflow of the set."""
        return self.request.run.snapshot.workflow_id


Judged = tuple[RunOfSet, Judgement]


def replay_id(run: str) -> str:
    """Return the id of the run that replays a run of a set: the same after a crash, so that nothing runs twice."""
    return derived_id(f"replay/{run}")


class ReplaySetRepository(Protocol):
    """Replay sets by workspace and id. Every method raises Unavailable."""

    async def create(self, request: CreateReplaySet) -> ReplaySet:
        """Store a set, or return the one with this id.

        Raises NotFound (a recording), InvalidRequest (nothing is recorded), Conflict (the id belongs to another set, or
        the workspace has too many in progress).
        """

    async def get(self, workspace_id: str, workflow_id: str, set_id: str) -> ReplaySet:
        """Return a set. Raises NotFound."""

    async def page(self, workspace_id: str, workflow_id: str, *, limit: int, cursor: str | None) -> ReplaySetPage:
        """Return a workflow's sets, newest first."""

    async def runs(
        self, workspace_id: str, workflow_id: str, set_id: str, *, verdict: str | None, limit: int, cursor: int | None
    ) -> ReplayedRunPage:
        """Return the recorded runs of a set, in their order. Raises NotFound."""

    async def cancel(self, workspace_id: str, workflow_id: str, set_id: str, reason: str) -> Sequence[RunOfSet]:
        """Cancel a set; return the runs that may be in progress. A set that has ended stays unchanged.

        Raises NotFound.
        """

    async def open_sets(self, limit: int) -> Sequence[OpenSet]:
        """Return sets in progress with their started runs: the oldest of each workspace, then the second of each."""

    async def waiting(self, set_id: str, limit: int) -> Sequence[RunOfSet]:
        """Return the next runs to start."""

    async def recorded(self, workspace_id: str, workflow_id: str, runs: Sequence[str]) -> frozenset[str]:
        """Return those of these recorded runs of a workflow whose recording exists."""

    async def mark_started(self, runs: Sequence[RunOfSet]) -> None:
        """Note that the replays of these runs are accepted."""

    async def settle(self, open_set: OpenSet, judged: Sequence[Judged]) -> None:
        """Store and count verdicts."""

    async def count(self, set_id: str) -> tuple[ReplayCounts, int]:
        """Count the verdicts and store the counts; return them, and how many runs the budget did not cover."""

    async def has_open_runs(self, set_id: str) -> bool:
        """Return whether a run of the set has no verdict."""

    async def to_measure(self, set_id: str, limit: int) -> Sequence[RunOfSet]:
        """Return some runs that differ."""

    async def measure(self, open_set: OpenSet, runs: Sequence[RunOfSet]) -> None:
        """Add measurements to a set."""

    async def measured(self, set_id: str) -> Sequence[RunOfSet]:
        """Return the measurements of a set."""

    async def finish(
        self, set_id: str, counts: ReplayCounts, refusals: Sequence[str], suggestions: Sequence[str] | None
    ) -> None:
        """End a set with these counts, unless it was canceled, and delete its measurements."""

    async def reserve_call(self, workspace_id: str, workflow_id: str, set_id: str) -> bool:
        """Count one more model call; return False if the budget does not cover it."""

    async def charge_call(self, workspace_id: str, workflow_id: str, set_id: str, usd: float) -> None:
        """Add the cost of a model call."""


class RecordingReader(Protocol):
    """Recordings, for the runner."""

    async def read(self, workspace_id: str, workflow_id: str, run: str) -> bytes:
        """Return a recording as JSON. Raises NotFound, Unavailable."""


class ReplayOutputs(Protocol):
    """Outputs of replays, which show recorded values. Every method raises Unavailable."""

    async def delete(self, workspace_id: str, replays: Sequence[str]) -> None:
        """Delete the outputs of these runs, if they are replays of a set of this workspace."""

    async def delete_of_set(self, workspace_id: str, set_id: str) -> None:
        """Delete the outputs of a set's replays."""


class QueueCounters(Protocol):
    """Counters of the queue of runs."""

    async def counter(self, workspace_id: str) -> tuple[QueueCounter, datetime]:
        """Return a workspace's counter, and the store's time when it was read. Raises Unavailable."""
