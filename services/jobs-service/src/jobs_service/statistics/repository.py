"""Run counts in MongoDB: one document per workflow."""

from collections.abc import Sequence
from typing import Final

from pymongo import UpdateOne

from jobs_service.store.timestamps import from_ms, to_ms
from shared.contracts.runs import RunStatus
from shared.contracts.statistics import LastRun, RunStatistics
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
