"""Statistics of workflows by interval in MongoDB: one document per workflow and interval, for each resolution."""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Final

from pymongo import UpdateOne
from pymongo.errors import PyMongoError

from jobs_service.statistics.intervals import RESOLUTIONS, Resolution
from jobs_service.statistics.measures import Group, Groups, Measures
from jobs_service.statistics.ports import StoredInterval
from jobs_service.statistics.repository import RUN_COUNTS
from jobs_service.store.timestamps import from_ms, now_ms
from shared.errors import Unavailable
from shared.store.client import Document, Store, store_call
from shared.store.indexes import Index, ascending

INTERVALS: Final = "run_intervals"
BEGAN: Final = "began"
INDEXES: Final = (
    Index(INTERVALS, ascending("workspace_id", "length_ms", "start_ms")),
    Index(INTERVALS, ascending("workspace_id", "workflow_id", "length_ms", "start_ms")),
    Index(INTERVALS, ascending("expires_at"), expire_after_seconds=0),
)


class MongoIntervals:
    """Implements IntervalRepository."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._intervals = store.quick_collection(INTERVALS)
        self._run_counts = store.collection(RUN_COUNTS)
        self._began_ms: int | None = None

    @store_call
    async def add(self, minutes: Sequence[StoredInterval]) -> None:
        updates = [_addition(each, resolution) for resolution in RESOLUTIONS for each in _grown(minutes, resolution)]
        await self._intervals.bulk_write(updates, ordered=False)

    async def read(
        self,
        workspace_id: str,
        resolution: Resolution,
        since_ms: int,
        until_ms: int,
        *,
        workflow_ids: Sequence[str] | None = None,
    ) -> AsyncIterator[StoredInterval]:
        chosen = None if workflow_ids is None else frozenset(workflow_ids)
        wanted: Document = {"workspace_id": workspace_id}
        if workflow_ids is not None and len(workflow_ids) == 1:
            wanted["workflow_id"] = workflow_ids[0]
        wanted |= {"length_ms": resolution.length_ms, "start_ms": {"$gte": since_ms, "$lt": until_ms}}
        try:
            async for document in self._intervals.find(wanted):
                if chosen is None or document["workflow_id"] in chosen:
                    yield _interval(document)
        except PyMongoError as error:
            raise Unavailable(f"the store could not read statistics: {error}") from error

    @store_call
    async def start(self) -> None:
        """Store when counting began: before the first run, or at this upgrade."""
        has_runs = await self._run_counts.find_one({}, {"_id": 1}) is not None
        began_ms = await now_ms(self._store) if has_runs else 0
        await self._intervals.update_one({"_id": BEGAN}, {"$setOnInsert": {"began_ms": began_ms}}, upsert=True)

    async def stop(self) -> None:
        """Nothing to close."""

    @store_call
    async def began_ms(self) -> int:
        if self._began_ms is None:
            found = await self._intervals.find_one({"_id": BEGAN})
            self._began_ms = 0 if found is None else int(found["began_ms"])
        return self._began_ms

    @store_call
    async def now_ms(self) -> int:
        return await now_ms(self._store)


def _grown(minutes: Sequence[StoredInterval], resolution: Resolution) -> Iterator[StoredInterval]:
    """Yield the sums of some minutes in a coarser resolution."""
    sums: dict[tuple[str, str, int], dict[Group, Measures]] = {}
    for minute in minutes:
        start_ms = minute.start_ms // resolution.length_ms * resolution.length_ms
        groups = sums.setdefault((minute.workspace_id, minute.workflow_id, start_ms), {})
        for group, measures in minute.groups.items():
            groups.setdefault(group, Measures()).add(measures)
    for (workspace_id, workflow_id, start_ms), groups in sums.items():
        yield StoredInterval(workspace_id, workflow_id, start_ms, groups)


def _addition(more: StoredInterval, resolution: Resolution) -> UpdateOne:
    fixed = {
        "workspace_id": more.workspace_id,
        "workflow_id": more.workflow_id,
        "length_ms": resolution.length_ms,
        "start_ms": more.start_ms,
        "expires_at": from_ms(more.start_ms + resolution.length_ms) + resolution.lifetime,
    }
    id_ = f"{more.workflow_id}/{resolution.length_ms}/{more.start_ms}"
    return UpdateOne({"_id": id_}, {"$inc": dict(_increments(more.groups)), "$setOnInsert": fixed}, upsert=True)


def _increments(groups: Groups) -> Iterator[tuple[str, int | float]]:
    for group, measures in groups.items():
        path = f"groups.{group.trigger}|{'' if group.version is None else group.version}|{group.status}"
        yield f"{path}.runs", measures.runs
        yield f"{path}.tokens", measures.tokens
        yield f"{path}.cost_usd", measures.cost_usd
        for bucket, count in measures.durations.items():
            yield f"{path}.durations.{bucket}", count


def _interval(document: Document) -> StoredInterval:
    groups = {_group(name): _measures(stored) for name, stored in document["groups"].items()}
    return StoredInterval(document["workspace_id"], document["workflow_id"], document["start_ms"], groups)


def _group(name: str) -> Group:
    trigger, version, status = name.split("|")
    return Group(trigger, int(version) if version else None, status)


def _measures(stored: Document) -> Measures:
    durations = {int(bucket): count for bucket, count in stored["durations"].items()}
    return Measures(stored["runs"], stored["tokens"], stored["cost_usd"], durations)
