"""Cancels of unknown runs, in MongoDB."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from jobs_service.store.timestamps import from_ms, now_ms
from shared.store.client import Store, store_call
from shared.store.indexes import Index, ascending

CANCELS: Final = "cancels"
INDEXES: Final = (
    Index(CANCELS, ascending("run_id")),
    Index(CANCELS, ascending("expires_at"), expire_after_seconds=0),
)


@dataclass(frozen=True, slots=True)
class PendingCancel:
    """A cancel of a run that was unknown then."""

    run_id: str
    workspace_id: str
    workflow_id: str


class MongoPendingCancels:
    """Cancels of unknown runs, stored for a while."""

    def __init__(self, store: Store, lifetime: timedelta) -> None:
        self._store = store
        self._cancels = store.collection(CANCELS)
        self._lifetime = lifetime

    @store_call
    async def add(self, cancel: PendingCancel) -> None:
        """Store a cancel."""
        expires_at = from_ms(await now_ms(self._store)) + self._lifetime
        fields = {"run_id": cancel.run_id, "workspace_id": cancel.workspace_id, "workflow_id": cancel.workflow_id}
        key = f"{cancel.workspace_id}/{cancel.workflow_id}/{cancel.run_id}"
        await self._cancels.update_one({"_id": key}, {"$set": {**fields, "expires_at": expires_at}}, upsert=True)

    @store_call
    async def find(self, run_ids: Iterable[str]) -> Sequence[PendingCancel]:
        """Return the cancels of these runs."""
        found = await self._cancels.find({"run_id": {"$in": list(run_ids)}}).to_list()
        return [PendingCancel(each["run_id"], each["workspace_id"], each["workflow_id"]) for each in found]
