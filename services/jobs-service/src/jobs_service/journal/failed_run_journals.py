"""Journals of failed runs, which stay for repairs until their workflow stops storing data."""

from typing import Final

from jobs_service.journal.ports import JournalRepository
from jobs_service.runs.documents import DISCARDS_JOURNAL, KEEPS_JOURNAL, RUNS
from jobs_service.runs.run import Phase
from shared.store.client import Document, Store, store_call

AT_ONCE: Final = 500
_ENDED: Final = [phase.value for phase in Phase if phase.is_terminal]


class FailedRunJournals:
    """Deletes the journals of a workflow's failed runs."""

    def __init__(self, store: Store, journal: JournalRepository) -> None:
        self._runs = store.collection(RUNS)
        self._journal = journal

    @store_call
    async def discard(self, workspace_id: str, workflow_id: str) -> None:
        """Delete the journals of failed runs; runs in progress will not keep theirs.

        Runs are marked first, so that a repeated call continues after a crash. The revision changes, so that a run
        that ends at this moment reads the mark.
        """
        owner: Document = {"workspace_id": workspace_id, "workflow_id": workflow_id}
        mark = {"$set": {KEEPS_JOURNAL: False, DISCARDS_JOURNAL: True}, "$inc": {"revision": 1}}
        await self._runs.update_many({**owner, KEEPS_JOURNAL: True}, mark)
        ended = {**owner, DISCARDS_JOURNAL: True, "phase": {"$in": _ENDED}}
        while found := await self._runs.find(ended, {"_id": 1}).limit(AT_ONCE).to_list():
            run_ids = [each["_id"] for each in found]
            await self._journal.discard(run_ids)
            await self._runs.update_many({"_id": {"$in": run_ids}}, {"$unset": {DISCARDS_JOURNAL: 1}})
