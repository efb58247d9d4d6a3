"""Storage of the search index."""

import struct
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import accumulate, islice
from typing import Final, NamedTuple, Protocol

from pymongo import UpdateOne

from jobs_service.runs.documents import RunResult
from jobs_service.runs.run import Run
from jobs_service.runs.words import HASH_BYTES, hash_facts
from shared.clock import epoch_ms
from shared.ids import new_id
from shared.observe.logging import get_logger
from shared.store.client import Document, Store, store_call
from shared.store.indexes import Index, ascending


class IndexedRun(NamedTuple):
    """An ended run, and the hashes of its words."""

    run_id: str
    workspace_id: str
    workflow_id: str
    created_ms: int
    expires_at: datetime
    hashes: bytes


class SearchIndex(Protocol):
    """Index of runs by the hashes of their words."""

    async def add(self, runs: Sequence[IndexedRun]) -> None:
        """Add runs."""


SEGMENTS: Final = "run_words"
HOUR_MS: Final = 3_600_000
MAX_PART_BYTES: Final = 64 * 1024
MAX_SEGMENT_BYTES: Final = 64 * 1024
"""A larger document is not extended: an addition rewrites the whole document."""
MAX_OPEN_SEGMENTS: Final = 10_000
MAX_TOGETHER: Final = 100
_PER_RUN: Final = 64
"""Bytes of a run besides its hashes."""
INDEXES: Final = (
    Index(SEGMENTS, ascending("workspace_id", "hour_ms")),
    Index(SEGMENTS, ascending("workspace_id", "workflow_id", "hour_ms")),
    Index(SEGMENTS, ascending("expires_at"), expire_after_seconds=0),
)

_Segment = tuple[str, str, int]
"""Workspace, workflow and hour."""


class FoundRun(NamedTuple):
    """A run whose words match."""

    created_ms: int
    run_id: str


class SearchedRuns(NamedTuple):
    """A search: all `words`, or the start of the id; and all `facts`."""

    words: Sequence[bytes]
    id_start: str | None
    facts: Sequence[bytes]


class MongoSearchIndex:
    """Implements SearchIndex. Each process writes its own documents."""

    def __init__(self, store: Store) -> None:
        self._segments = store.quick_collection(SEGMENTS)
        self._open: dict[_Segment, tuple[str, int]] = {}
        """Id and size of the document that takes the next runs."""

    @store_call
    async def add(self, runs: Sequence[IndexedRun]) -> None:
        grouped: defaultdict[_Segment, list[IndexedRun]] = defaultdict(list)
        for run in runs:
            grouped[run.workspace_id, run.workflow_id, run.created_ms // HOUR_MS * HOUR_MS].append(run)
        additions = [self._addition(segment, part) for segment, members in grouped.items() for part in _parts(members)]
        for first in range(0, len(additions), MAX_TOGETHER):  # a run that is added twice is found once
            await self._segments.bulk_write(additions[first : first + MAX_TOGETHER], ordered=False)

    @store_call
    async def find(
        self, workspace_id: str, search: SearchedRuns, hours: Document, workflow_ids: Sequence[str] | None
    ) -> list[FoundRun]:
        """Return the runs of some `hours` that match."""
        chosen = None if workflow_ids is None else frozenset(workflow_ids)
        wanted: Document = {"workspace_id": workspace_id}
        if workflow_ids is not None and len(workflow_ids) == 1:
            wanted["workflow_id"] = workflow_ids[0]
        if hours:
            wanted["hour_ms"] = hours
        found: list[FoundRun] = []
        async for document in self._segments.find(wanted, {"workflow_id": 1, "parts": 1}):
            if chosen is None or document["workflow_id"] in chosen:
                for part in document["parts"]:
                    found += _matches(part, search)
        return found

    def _addition(self, segment: _Segment, runs: Sequence[IndexedRun]) -> UpdateOne:
        workspace_id, workflow_id, hour_ms = segment
        size = sum(len(run.hashes) + _PER_RUN for run in runs)
        id_, filled = self._open.get(segment, (new_id(), 0))
        if filled and filled + size > MAX_SEGMENT_BYTES:
            id_, filled = new_id(), 0
        if len(self._open) >= MAX_OPEN_SEGMENTS:
            self._open.clear()
        self._open[segment] = id_, filled + size
        update = {
            "$push": {"parts": _part(runs)},
            "$max": {"expires_at": max(run.expires_at for run in runs)},
            "$setOnInsert": {"workspace_id": workspace_id, "workflow_id": workflow_id, "hour_ms": hour_ms},
        }
        return UpdateOne({"_id": id_}, update, upsert=True)


def _parts(runs: Sequence[IndexedRun]) -> Iterator[Sequence[IndexedRun]]:
    part: list[IndexedRun] = []
    size = 0
    for run in runs:
        part.append(run)
        size += len(run.hashes) + _PER_RUN
        if size >= MAX_PART_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part


def _part(runs: Sequence[IndexedRun]) -> Document:
    ends = [*accumulate(len(run.hashes) // HASH_BYTES for run in runs)]
    return {
        "runs": [run.run_id for run in runs],
        "created_ms": struct.pack(f"<{len(runs)}q", *(run.created_ms for run in runs)),
        "ends": struct.pack(f"<{len(runs)}I", *ends),
        "hashes": b"".join(run.hashes for run in runs),
    }


def _matches(part: Document, search: SearchedRuns) -> list[FoundRun]:
    """Return the matching runs of a part."""
    ids: Sequence[str] = part["runs"]
    ends: Sequence[int] = struct.unpack(f"<{len(ids)}I", part["ends"])
    numbers = _having_all(part["hashes"], ends, search.words) if search.words else set()
    if search.id_start is not None:
        numbers |= {number for number, id_ in enumerate(ids) if id_.startswith(search.id_start)}
    if numbers and search.facts:
        numbers &= _having_all(part["hashes"], ends, search.facts)
    if not numbers:
        return []
    created = struct.unpack(f"<{len(ids)}q", part["created_ms"])
    return [FoundRun(created[number], ids[number]) for number in sorted(numbers)]


def _having_all(joined: bytes, ends: Sequence[int], hashes: Sequence[bytes]) -> set[int]:
    """Return the numbers of the runs that have all `hashes`."""
    found: set[int] | None = None
    for hash_ in hashes:
        having = {bisect_right(ends, place) for place in _places(joined, hash_)}
        found = having if found is None else found & having
        if not found:
            return set()
    return found or set()


def _places(joined: bytes, hash_: bytes) -> Iterator[int]:
    """Yield the numbers of the words with this hash."""
    at = joined.find(hash_)
    while at >= 0:
        number, offset = divmod(at, HASH_BYTES)
        if not offset:
            yield number
        at = joined.find(hash_, at + 1)


WORKFLOWS_AT_ONCE: Final = 50
MAX_STEPS: Final = 8
"""Steps after which runs are stored, however many workflows run."""
MAX_WAITING: Final = 20_000
"""Runs that wait for a step: about 30 MB. While the store refuses them, text does not find later runs."""
DRAFT: Final = "draft"
"""Version of a draft."""

log = get_logger("search_index")


class RunIndexer:
    """Collects ended runs and adds them in batches, so that a run needs no extra write.

    A killed process loses about two seconds of them, and more if very many workflows run: text finds these runs only by
    their whole id.
    """

    def __init__(self, index: SearchIndex, *, max_waiting: int = MAX_WAITING) -> None:
        self._index = index
        self._max_waiting = max_waiting
        self._waiting = 0
        self._dropped = 0
        self._runs: dict[tuple[str, str], list[IndexedRun]] = {}
        """By workspace and workflow."""

    def add(self, run: Run, result: RunResult | None) -> None:
        """Add the run if it has ended: its words, if they may be stored, and its properties."""
        if not run.phase.is_terminal or run.expires_at is None:
            return
        if self._waiting >= self._max_waiting:
            self._dropped += 1
            return
        self._waiting += 1
        version = DRAFT if run.version is None else str(run.version)
        facts = {"status": run.status.value, "trigger": run.trigger, "version": version}
        hashes = hash_facts(run.workspace_id, facts)
        if result is not None:
            hashes.append(result.words.hashes)
        self._runs.setdefault((run.workspace_id, run.workflow_id), []).append(
            IndexedRun(
                run_id=run.id,
                workspace_id=run.workspace_id,
                workflow_id=run.workflow_id,
                created_ms=epoch_ms(run.created_at),
                expires_at=run.expires_at,
                hashes=b"".join(hashes),
            )
        )

    async def step(self) -> None:
        """Store all collected runs. Raises Unavailable."""
        await self._store(len(self._runs))

    async def step_some(self) -> None:
        """Store the runs of the workflows that wait longest. Raises Unavailable."""
        await self._store(max(WORKFLOWS_AT_ONCE, len(self._runs) // MAX_STEPS))

    async def _store(self, count: int) -> None:
        if self._dropped:
            log.warning("search_index_runs_dropped", runs=self._dropped, limit=self._max_waiting)
            self._dropped = 0
        workflows = {name: self._runs.pop(name) for name in list(islice(self._runs, count))}
        if not workflows:
            return
        added = [run for runs in workflows.values() for run in runs]
        try:
            await self._index.add(added)
        except BaseException:  # a step that is stopped or takes too long is cancelled
            for name, runs in workflows.items():
                self._runs[name] = runs + self._runs.get(name, [])
            raise
        self._waiting -= len(added)
