"""Cancels many runs of a workflow at once."""

from typing import Final

import msgspec

from jobs_service.cancels.service import Cancelling
from jobs_service.views.ports import PageQuery, RunViews
from shared.contracts.cancels import CancelledRuns, CancelRuns, RecordCancel
from shared.contracts.jobs import RunView
from shared.contracts.runs import RunStatus
from shared.errors import Conflict, NotFound

AT_ONCE: Final = 500
OPEN: Final = (RunStatus.QUEUED, RunStatus.PAUSED, RunStatus.PROCESSING)
"""What waits goes first, so that nothing of it takes the place of what is stopped."""


class CancellingAll:
    """A bounded number at a time: whoever wants more asks again."""

    def __init__(self, views: RunViews, cancelling: Cancelling) -> None:
        self._views = views
        self._cancelling = cancelling

    async def cancel(self, asked: CancelRuns) -> CancelledRuns:
        """Cancel those that are not over. Raises Unavailable."""
        found: list[RunView] = []
        for status in (asked.only.status,) if asked.only.status else OPEN:
            found += await self._open(asked, status, AT_ONCE + 1 - len(found))
        cancelled = [run.run_id for run in found[:AT_ONCE] if await self._was_cancelled(asked, run)]
        return CancelledRuns(tuple(cancelled), has_more=len(found) > AT_ONCE)

    async def _open(self, asked: CancelRuns, status: RunStatus, room: int) -> list[RunView]:
        """The runs of this status; those that were asked to stop take the place of no other."""
        found: list[RunView] = []
        cursor: str | None = None
        while status in OPEN and len(found) < room:
            only = msgspec.structs.replace(asked.only, status=status)
            query = PageQuery(asked.workspace_id, asked.workflow_id, only, room, cursor, but_stopping=True)
            page = await self._views.page(query)
            found += page.runs
            cursor = page.next_cursor
            if cursor is None:
                break
        return found[:room]

    async def _was_cancelled(self, asked: CancelRuns, run: RunView) -> bool:
        try:
            await self._cancelling.cancel(run.run_id, RecordCancel(asked.workspace_id, asked.workflow_id))
        except (NotFound, Conflict):
            return False  # it has ended meanwhile
        return True
