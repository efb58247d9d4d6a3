"""Search of runs, with results if requested."""

from collections.abc import Sequence
from typing import Final

import msgspec

from jobs_service.views.ports import LogEntry, RunWithBlocks
from jobs_service.views.reader import RunReader
from jobs_service.views.repository import MongoRunLogs
from shared.contracts.jobs import RunPage, RunView
from shared.contracts.logs import MAX_DETAILED, MAX_LOGS, FindLogs
from shared.errors import NotFound

PAGE_BYTES: Final = 8 * 1024 * 1024
"""Limit for JSON of outputs and block logs on one page; the rest moves to the next."""


class LogSearch:
    """Search of runs."""

    def __init__(self, logs: MongoRunLogs, reader: RunReader) -> None:
        self._logs = logs
        self._reader = reader

    async def find(self, query: FindLogs) -> RunPage:
        """Return a page of runs. Raises InvalidRequest, Unavailable."""
        most = MAX_DETAILED if query.output or query.blocks else MAX_LOGS
        page = await self._logs.find(msgspec.structs.replace(query, limit=max(1, min(query.limit, most))))
        shown = page.runs[: _fitting(page.runs)]
        cursor = shown[-1].cursor if len(shown) < len(page.runs) else page.next_cursor
        return RunPage(tuple([await self._complete(each.run) for each in shown]), cursor)

    async def _complete(self, run: RunWithBlocks) -> RunView:
        try:
            return await self._reader.complete(run)
        except NotFound:
            return run.view


def _fitting(found: Sequence[LogEntry]) -> int:
    """Return how many leading runs fit on a page with outputs and block logs; at least one."""
    room = PAGE_BYTES
    for index, each in enumerate(found):
        output = each.run.view.output
        shown = (output, output and output.logged, each.run.blocks)
        room -= sum(value.size for value in shown if value is not None)
        if room < 0 and index:
            return index
    return len(found)
