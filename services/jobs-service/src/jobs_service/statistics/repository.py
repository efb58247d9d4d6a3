"""Run counts in MongoDB: one document per workflow."""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Final

from pymongo import UpdateOne
from pymongo.errors import PyMongoError

from jobs_service.statistics.intervals import RESOLUTIONS, Group, Groups, Measures, Resolution, StoredInterval
from jobs_service.store import from_ms, now_ms, to_ms
from shared.contracts.runs import RunStatus
from shared.contracts.statistics import LastRun, RunStatistics
from shared.errors import Unavailable
from shared.store.client import Document, Store, store_call
from shared.store.indexes import Index, ascending

RUN_COUNTS: Final = "tallies"
_DIGITS: Final = 15
INDEXES: Final = (Index(RUN_COUNTS, ascending("workspace_id", "workflow_id")),)


class MongoRunCounts:
    """Implements RunCountRepository."""

    def __init__(self, store: Store) -> None:
        self._collection = store.quick_collection(RUN_COUNTS)

    @store_call
    async def add(self, more: Sequence[RunStatistics]) -> None:
        await self._collection.bulk_write([_addition(each) for each in more], ordered=False)

    @store_call
    async def of(self, workspace_id: str, workflow_ids: Sequence[str]) -> Sequence[RunStatistics]:
        found = await self._collection.find({"_id": {"$in": list(workflow_ids)}}).to_list()
        return [_counts(each) for each in found if each["workspace_id"] == workspace_id]

    @store_call
    async def of_workspace(self, workspace_id: str, limit: int) -> Sequence[RunStatistics]:
        found = await self._collection.find({"workspace_id": workspace_id}).limit(limit).to_list()
        return [_counts(each) for each in found]


def _addition(more: RunStatistics) -> UpdateOne:
    ended_ms = to_ms(more.last_ended_at)
    latest: Document = {"last_ended_ms": ended_ms}
    if more.last_run is not None:
        latest["last_run"] = f"{ended_ms:0{_DIGITS}}/{more.last_run.status}/{more.last_run.run_id}"
    owner = {"workspace_id": more.workspace_id, "workflow_id": more.workflow_id}
    change = {"$inc": {"runs": more.runs}, "$max": latest, "$setOnInsert": owner}
    return UpdateOne({"_id": more.workflow_id}, change, upsert=True)


def _counts(document: Document) -> RunStatistics:
    return RunStatistics(
        document["workspace_id"],
        document["_id"],
        document["runs"],
        from_ms(document["last_ended_ms"]),
        _last_run(document.get("last_run")),
    )


def _last_run(stored: str | None) -> LastRun | None:
    """Return the last run: the time before it lets the greatest text be that of the last one."""
    if stored is None:
        return None
    _, status, run_id = stored.split("/", 2)
    return LastRun(run_id, RunStatus(status))


INTERVALS: Final = "run_intervals"
BEGAN: Final = "began"
INTERVAL_INDEXES: Final = (
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
        updates = [
            _interval_addition(each, resolution) for resolution in RESOLUTIONS for each in _grown(minutes, resolution)
        ]
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


def _interval_addition(more: StoredInterval, resolution: Resolution) -> UpdateOne:
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
