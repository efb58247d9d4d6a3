"""Run counts in MongoDB: one document per workflow."""

from collections.abc import Sequence
from typing import Final

from pymongo import UpdateOne

from jobs_service.store.timestamps import from_ms, to_ms
from shared.contracts.run_statistics import RunStatistics
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


def _addition(more: RunStatistics) -> UpdateOne:
    owner = {"workspace_id": more.workspace_id, "workflow_id": more.workflow_id}
    change = {"$inc": {"runs": more.runs}, "$max": {"last_ended_ms": to_ms(more.last_ended_at)}, "$setOnInsert": owner}
    return UpdateOne({"_id": more.workflow_id}, change, upsert=True)


def _tally(document: Document) -> RunStatistics:
    return RunStatistics(
        document["workspace_id"], document["_id"], document["runs"], from_ms(document["last_ended_ms"])
    )
