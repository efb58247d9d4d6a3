"""Search of runs, with results if requested."""

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Depends
from starlette.responses import Response

from jobs_service.payloads import Payloads
from jobs_service.views.repository import LogEntry, MongoRunLogs, PageQuery, RunViewRepository, RunWithBlocks
from shared.contracts.jobs import BlockLog, RunPage, RunView
from shared.contracts.logs import MAX_DETAILED, MAX_LOGS, FindLogs
from shared.errors import NotFound
from shared.service import ServiceName
from shared.web.internal_auth import ServiceTokens, only
from shared.web.struct_bodies import StructResponse, struct_body

MAX_PAGE: Final = 200
_decode_blocks = msgspec.json.Decoder(tuple[BlockLog, ...]).decode


class RunReader:
    """Lookups and lists of runs."""

    def __init__(self, views: RunViewRepository, payloads: Payloads) -> None:
        self._views = views
        self._payloads = payloads

    async def job(self, job_id: str, *, output: bool, blocks: bool) -> RunView:
        """Return a durable run by its job id. Raises NotFound."""
        return await self._found(await self._views.by_job_id(job_id, output=output, blocks=blocks), "Task not found")

    async def run(self, run_id: str, workspace_id: str | None, *, output: bool, blocks: bool) -> RunView:
        """Return a run, of this workspace if named. Raises NotFound."""
        found = await self._views.by_run_id(run_id, output=output, blocks=blocks)
        if found is not None and workspace_id not in (None, found.view.workspace_id):
            found = None
        return await self._found(found, "Run not found")

    async def page(self, query: PageQuery) -> RunPage:
        """Return a page of a workspace's runs, newest first. Raises InvalidRequest."""
        return await self._views.page(query)

    async def complete(self, run: RunWithBlocks) -> RunView:
        """Return the run with its blocks, if requested. Raises NotFound if they were deleted, Unavailable."""
        if run.blocks is None:
            return run.view
        blocks = _decode_blocks(await self._payloads.fetch(run.view.workspace_id, run.blocks))
        return msgspec.structs.replace(run.view, blocks=blocks)

    async def _found(self, found: RunWithBlocks | None, missing: str) -> RunView:
        if found is None:
            raise NotFound(missing)
        return await self.complete(found)


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


def logs_router(logs: LogSearch, tokens: ServiceTokens) -> APIRouter:
    """Return the search route. It takes its many filters in the body."""
    router = APIRouter(prefix="/internal/logs", dependencies=[Depends(only(tokens, ServiceName.GATEWAY))])

    @router.post("/search")
    async def search(query: Annotated[FindLogs, Depends(struct_body(FindLogs))]) -> Response:
        return StructResponse(await logs.find(query))

    return router
