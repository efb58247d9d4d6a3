"""Cancels of unknown runs, in MongoDB."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

from jobs_service.cancels.ports import RememberedCancel
from jobs_service.store.timestamps import from_ms, now_ms
from shared.store.client import Store
from shared.store.errors import store_call
from shared.store.indexes import Index, ascending

CANCELS: Final = "cancels"
INDEXES: Final = (
    Index(CANCELS, ascending("run_id")),
    Index(CANCELS, ascending("expires_at"), expire_after_seconds=0),
)


class MongoCancelMemory:
    """Implements CancelMemory."""

    def __init__(self, store: Store, memory: timedelta) -> None:
        self._store = store
        self._cancels = store.collection(CANCELS)
        self._memory = memory

    @store_call
    async def remember(self, cancel: RememberedCancel) -> None:
        """See CancelMemory."""
        expires_at = from_ms(await now_ms(self._store)) + self._memory
        fields = {"run_id": cancel.run_id, "workspace_id": cancel.workspace_id, "workflow_id": cancel.workflow_id}
        key = f"{cancel.workspace_id}/{cancel.workflow_id}/{cancel.run_id}"
        await self._cancels.update_one({"_id": key}, {"$set": {**fields, "expires_at": expires_at}}, upsert=True)

    @store_call
    async def recall(self, run_ids: Iterable[str]) -> Sequence[RememberedCancel]:
        """See CancelMemory."""
        found = await self._cancels.find({"run_id": {"$in": list(run_ids)}}).to_list()
        return [RememberedCancel(each["run_id"], each["workspace_id"], each["workflow_id"]) for each in found]
