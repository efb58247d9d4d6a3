"""Withdrawn runs: documents that prevent storing a run after its reservation has expired.

The process that holds a reservation may freeze just before it stores the runs, and continue after others have received
the capacity. A document with the run's id then already exists, so the insert fails. No clock is involved.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from jobs_service.runs.documents import RUNS
from jobs_service.runs.run import Phase
from jobs_service.store.inserts import insert_new
from jobs_service.store.timestamps import from_ms, now_ms
from shared.store.client import Document, Store

WITHDRAWN: Final = "withdrawn"
"""The reservations that can no longer store this run."""
LIFETIME: Final = timedelta(days=1)
"""Longer than any process stays frozen."""


class WithdrawnRuns:
    """Marks runs as withdrawn, and stores those that are requested again."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._runs = store.collection(RUNS)

    async def withdraw(self, reservation_id: str, run_ids: Iterable[str]) -> None:
        """Prevent a reservation from storing these runs from now on. Stored runs stay unchanged."""
        now = await now_ms(self._store)
        # To every reader, including the previous version, this is a taken id of a run that has not started. It belongs
        # to no workspace, so that none can release it.
        common = {
            "workspace_id": "",
            "workflow_id": "",
            "phase": Phase.RESERVED.value,
            "revision": 0,
            "created_ms": now,
            "expires_at": from_ms(now) + LIFETIME,
            WITHDRAWN: [reservation_id],
        }
        taken = await insert_new(self._runs, [{"_id": run_id, **common} for run_id in run_ids])
        if taken:
            withdrawn = {"_id": {"$in": list(taken)}, WITHDRAWN: {"$exists": True}}
            await self._runs.update_many(withdrawn, {"$addToSet": {WITHDRAWN: reservation_id}})

    async def replace(self, document: Document, reservation_id: str) -> bool:
        """Store a run whose earlier request was withdrawn; return False if this reservation has expired as well."""
        wanted: dict[str, Any] = {"_id": document["_id"], WITHDRAWN: {"$exists": True, "$ne": reservation_id}}
        return (await self._runs.replace_one(wanted, document)).matched_count == 1
