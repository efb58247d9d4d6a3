"""Run counts in MongoDB: one document per workflow."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from pymongo import UpdateOne

from jobs_service.store.timestamps import from_ms, to_ms
from shared.contracts.run_statistics import LastRun, RunStatistics
from shared.contracts.runs import RunStatus
from shared.store.client import Store
from shared.store.documents import Document
from shared.store.errors import store_call
from shared.store.indexes import Index, ascending

TALLIES: Final = "tallies"
INDEXES: Final = (Index(TALLIES, ascending("workspace_id", "workflow_id")),)


class MongoRunCounts:
    """Implements RunCountRepository."""

    def __init__(self, store: Store) -> None:
        self._tallies = store.collection(TALLIES)

    @store_call
    async def add(self, more: Sequence[RunStatistics]) -> None:
        await self._tallies.bulk_write([_addition(each) for each in more], ordered=False)

    @store_call
    async def of(self, workspace_id: str, workflow_ids: Sequence[str]) -> Sequence[RunStatistics]:
        found = await self._tallies.find({"_id": {"$in": list(workflow_ids)}}).to_list()
        return [_tally(each) for each in found if each["workspace_id"] == workspace_id]

    @store_call
    async def of_workspace(self, workspace_id: str, limit: int) -> Sequence[RunStatistics]:
        found = await self._tallies.find({"workspace_id": workspace_id}).limit(limit).to_list()
        return [_tally(each) for each in found]


def _addition(more: RunStatistics) -> UpdateOne:
    """Return an update that keeps the last run of all writers, in whatever order they write."""
    ended_ms = to_ms(more.last_ended_at)
    is_last: Document = {"$gte": [ended_ms, {"$ifNull": ["$last_ended_ms", 0]}]}
    last = None if more.last_run is None else {"$literal": msgspec.to_builtins(more.last_run)}
    fields: dict[str, Any] = {
        "workspace_id": more.workspace_id,
        "workflow_id": more.workflow_id,
        "runs": {"$add": [{"$ifNull": ["$runs", 0]}, more.runs]},
        "last_ended_ms": {"$max": ["$last_ended_ms", ended_ms]},
        "last_run": {"$cond": [is_last, last, "$last_run"]},
    }
    return UpdateOne({"_id": more.workflow_id}, [{"$set": fields}], upsert=True)


def _tally(document: Document) -> RunStatistics:
    last = document.get("last_run")
    return RunStatistics(
        document["workspace_id"],
        document["_id"],
        document["runs"],
        from_ms(document["last_ended_ms"]),
        None if last is None else LastRun(last["run_id"], RunStatus(last["status"])),
    )
