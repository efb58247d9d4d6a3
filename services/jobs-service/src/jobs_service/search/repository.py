"""Search index in MongoDB: documents of many runs each, read whole.

An index entry for each word would cost a run more than all its other writes. Hashes of many runs in one document cost a
fraction, and a search compares them as fast as the store returns them.
"""

import struct
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

from pymongo import UpdateOne

from jobs_service.runs.words import HASH_BYTES
from jobs_service.search.ports import IndexedRun
from shared.ids import new_id
from shared.store.client import Document, Store, store_call
from shared.store.indexes import Index, ascending

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
