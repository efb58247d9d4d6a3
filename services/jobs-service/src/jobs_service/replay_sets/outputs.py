"""Outputs of replays: comparisons that show recorded values, and that stay only in their sets."""

from collections.abc import Sequence

from jobs_service.payloads.repository import MongoBlobs
from jobs_service.replay_sets.documents import REPLAYED_RUNS
from jobs_service.replay_sets.ports import replay_id
from jobs_service.runs.documents import IS_REPLAY, RUNS
from shared.store.client import Store, store_call


class MongoReplayOutputs:
    """Implements ReplayOutputs."""

    def __init__(self, store: Store, blobs: MongoBlobs) -> None:
        self._blobs = blobs
        self._of_sets = store.collection(REPLAYED_RUNS)
        self._runs = store.collection(RUNS)

    @store_call
    async def delete(self, workspace_id: str, replays: Sequence[str]) -> None:
        wanted = {
            "_id": {"$in": replays},
            "workspace_id": workspace_id,
            IS_REPLAY: True,  # a caller's run may have the id of a replay
            "output": {"$exists": True},
        }
        found = await self._runs.find(wanted, {"output.blob_id": 1}).to_list()
        blob_ids = [each["output"]["blob_id"] for each in found]
        await self._blobs.discard(workspace_id, [blob_id for blob_id in blob_ids if blob_id is not None])
        await self._runs.update_many(wanted, {"$unset": {"output": 1}})  # last: it names the blob

    @store_call
    async def delete_of_set(self, workspace_id: str, set_id: str) -> None:
        found = await self._of_sets.find({"set_id": set_id, "workspace_id": workspace_id}, {"_id": 1}).to_list()
        await self.delete(workspace_id, [replay_id(each["_id"]) for each in found])
