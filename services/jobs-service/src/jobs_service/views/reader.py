"""Reads runs for callers."""

from typing import Final

import msgspec

from jobs_service.payloads.service import Payloads
from jobs_service.views.ports import PageQuery, RunViewRepository, RunWithBlocks
from shared.contracts.jobs import BlockLog, RunPage, RunView
from shared.errors import NotFound

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
