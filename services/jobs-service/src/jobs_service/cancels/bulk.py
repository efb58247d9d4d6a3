"""Cancels many runs of a workflow."""

from typing import Final

import msgspec

from jobs_service.cancels.service import CancelService
from jobs_service.views.ports import PageQuery, RunViewRepository
from shared.contracts.jobs import CancelledRuns, CancelRuns, RecordCancel, RunView
from shared.contracts.runs import RunStatus
from shared.errors import Conflict, NotFound

AT_ONCE: Final = 500
OPEN: Final = (RunStatus.QUEUED, RunStatus.PAUSED, RunStatus.PROCESSING)
"""Waiting runs first, so that none of them starts in place of a stopped run."""


class BulkCancel:
    """Bulk cancel in bounded steps, which callers repeat while more runs are left."""

    def __init__(self, views: RunViewRepository, cancels: CancelService) -> None:
        self._views = views
        self._cancels = cancels

    async def cancel(self, request: CancelRuns) -> CancelledRuns:
        """Cancel runs that have not ended. Raises Unavailable."""
        found: list[RunView] = []
        for status in (request.only.status,) if request.only.status else OPEN:
            found += await self._open(request, status, AT_ONCE + 1 - len(found))
        cancelled = [run.run_id for run in found[:AT_ONCE] if await self._cancel(request, run)]
        return CancelledRuns(tuple(cancelled), has_more=len(found) > AT_ONCE)

    async def _open(self, request: CancelRuns, status: RunStatus, limit: int) -> list[RunView]:
        """Return the runs of this status; those already being canceled do not count against the limit."""
        found: list[RunView] = []
        cursor: str | None = None
        while status in OPEN and len(found) < limit:
            only = msgspec.structs.replace(request.only, status=status)
            query = PageQuery(request.workspace_id, request.workflow_id, only, limit, cursor, exclude_canceling=True)
            page = await self._views.page(query)
            found += page.runs
            cursor = page.next_cursor
            if cursor is None:
                break
        return found[:limit]

    async def _cancel(self, request: CancelRuns, run: RunView) -> bool:
        try:
            await self._cancels.cancel(run.run_id, RecordCancel(request.workspace_id, request.workflow_id))
        except (NotFound, Conflict):
            return False  # it has ended
        return True
