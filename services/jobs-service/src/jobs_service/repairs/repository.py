"""Runs that can be repaired, in MongoDB."""

from jobs_service.runs.documents import KEEPS_JOURNAL, STATE_ONLY
from jobs_service.views.lists import RunList
from shared.contracts.repairs import FindRepairable, RepairablePage, RepairableRun
from shared.contracts.runs import RunStatus, Trigger
from shared.store.client import Document, Store, store_call
from shared.store.pagination import Cursor, Page, position_of


class MongoRepairableRuns:
    """List of runs that can be repaired, also after their results expired for callers."""

    def __init__(self, store: Store) -> None:
        self._list = RunList(store)

    @store_call
    async def page(self, request: FindRepairable) -> RepairablePage:
        """Return one page. Raises InvalidRequest for an invalid cursor, Unavailable."""
        only = request.only
        wanted = Page(
            limit=request.limit,
            lowest=None if only.since is None else position_of(only.since, 0),
            highest=None if only.until is None else position_of(only.until, 0) - 1,
            after=None if request.cursor is None else Cursor.parse(request.cursor),
        )
        found, after = await self._list.read(
            request.workspace_id,
            wanted,
            workflow_ids=[request.workflow_id],
            status=None if request.run_id else RunStatus.FAILED,
            run_id=request.run_id,
            others=() if request.run_id else [{KEEPS_JOURNAL: True}],
            hidden=STATE_ONLY,
        )
        return RepairablePage(tuple(map(_to_run, found)), after.text if after else None)


def _to_run(document: Document) -> RepairableRun:
    return RepairableRun(document["_id"], Trigger(document["trigger"]), document.get("version"))
