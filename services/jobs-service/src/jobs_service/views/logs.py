"""Runs by what they did, with what they left behind where that is asked for."""

from collections.abc import Sequence
from typing import Final

import msgspec

from jobs_service.views.ports import LoggedRun, RunLogs, ViewedRun
from jobs_service.views.reader import Reading
from shared.contracts.jobs import RunPage, RunView
from shared.contracts.logs import MAX_DETAILED, MAX_LOGS, FindLogs
from shared.errors import NotFound

PAGE_BYTES: Final = 8 * 1024 * 1024
"""JSON of the outputs and block logs of one page; what is over goes to the next one."""


class LogReading:
    """Looks for runs."""

    def __init__(self, logs: RunLogs, reading: Reading) -> None:
        self._logs = logs
        self._reading = reading

    async def find(self, query: FindLogs) -> RunPage:
        """A page of runs. Raises InvalidRequest, Unavailable."""
        most = MAX_DETAILED if query.output or query.blocks else MAX_LOGS
        page = await self._logs.find(msgspec.structs.replace(query, limit=max(1, min(query.limit, most))))
        shown = page.runs[: _fitting(page.runs)]
        cursor = shown[-1].cursor if len(shown) < len(page.runs) else page.next_cursor
        return RunPage(tuple([await self._complete(each.run) for each in shown]), cursor)

    async def _complete(self, run: ViewedRun) -> RunView:
        try:
            return await self._reading.complete(run)
        except NotFound:
            return run.view


def _fitting(found: Sequence[LoggedRun]) -> int:
    """How many runs from the first on have outputs and block logs that fit on a page; one always does."""
    room = PAGE_BYTES
    for index, each in enumerate(found):
        output = each.run.view.output
        shown = (output, output and output.logged, each.run.blocks)
        room -= sum(value.size for value in shown if value is not None)
        if room < 0 and index:
            return index
    return len(found)
