"""Permanently deletes the data of a workflow or a workspace."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Protocol

from jobs_service.cancels.service import CancelService
from jobs_service.deletion.repository import MongoDeletion
from jobs_service.spend.ports import SpendRepository
from shared.contracts.erasure import Erase, Erased
from shared.contracts.jobs import RecordCancel
from shared.errors import Conflict, NotFound

AT_ONCE: Final = 200


class Collector(Protocol):
    """Collects data of runs and stores it later."""

    async def step(self) -> None:
        """Store the collected data. Raises Unavailable."""


class DeletionService:
    """Permanent deletion in bounded steps. A run ends before it is deleted: then no worker writes to it."""

    def __init__(
        self,
        repository: MongoDeletion,
        cancels: CancelService,
        spend: SpendRepository,
        collectors: Sequence[Collector],
    ) -> None:
        self._repository = repository
        self._cancels = cancels
        self._spend = spend
        self._collectors = collectors

    async def erase(self, request: Erase) -> Erased:
        """Stop active runs, then delete some ended ones. Raises Unavailable."""
        for run in await self._repository.open_runs(request, AT_ONCE):
            with suppress(NotFound, Conflict):
                await self._cancels.cancel(run.run_id, RecordCancel(request.workspace_id, run.workflow_id))
        await self._spend.collect(AT_ONCE)
        for collector in self._collectors:
            await collector.step()
        return await self._repository.erase(request, AT_ONCE)
