"""Permanently deletes the data of a workflow or a workspace."""

from contextlib import suppress
from typing import Final

from jobs_service.cancels.service import Cancelling
from jobs_service.deletion.ports import Erasure
from jobs_service.spend.ports import SpendBook
from jobs_service.statistics.service import Tallying
from shared.contracts.cancels import RecordCancel
from shared.contracts.erasure import Erase, Erased
from shared.errors import Conflict, NotFound

AT_ONCE: Final = 200


class Erasing:
    """Permanent deletion in bounded steps. A run ends before it is deleted: then no worker writes to it."""

    def __init__(self, erasure: Erasure, cancelling: Cancelling, spend: SpendBook, tallying: Tallying) -> None:
        self._erasure = erasure
        self._cancelling = cancelling
        self._spend = spend
        self._tallying = tallying

    async def erase(self, asked: Erase) -> Erased:
        """Stop active runs, then delete some ended ones. Raises Unavailable."""
        for run in await self._erasure.open_runs(asked, AT_ONCE):
            with suppress(NotFound, Conflict):
                await self._cancelling.cancel(run.run_id, RecordCancel(asked.workspace_id, run.workflow_id))
        await self._spend.collect(AT_ONCE)
        await self._tallying.step()
        return await self._erasure.erase(asked, AT_ONCE)
