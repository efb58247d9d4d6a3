"""Replay sets for the gateway: create, show, cancel."""

from contextlib import suppress

from jobs_service.cancels.service import CancelService
from jobs_service.leadership.loops import WakeUpEvent
from jobs_service.replay_sets.ports import ReplayOutputs, ReplaySetRepository
from jobs_service.replay_sets.rules import CANCELED
from shared.contracts.jobs import RecordCancel
from shared.contracts.replay_sets import CreateReplaySet, ReplaySet
from shared.errors import Conflict, NotFound


class ReplaySetService:
    """Creates and cancels replay sets."""

    def __init__(
        self, sets: ReplaySetRepository, outputs: ReplayOutputs, cancels: CancelService, wake_up: WakeUpEvent
    ) -> None:
        self._sets = sets
        self._outputs = outputs
        self._cancels = cancels
        self._wake_up = wake_up

    async def create(self, request: CreateReplaySet) -> ReplaySet:
        """Store a set. Raises NotFound, InvalidRequest, Conflict, Unavailable."""
        created = await self._sets.create(request)
        self._wake_up.wake()
        return created

    async def cancel(self, workspace_id: str, workflow_id: str, set_id: str) -> ReplaySet:
        """Cancel a set and its replays in progress. Raises NotFound, Unavailable."""
        for run in await self._sets.cancel(workspace_id, workflow_id, set_id, CANCELED):
            with suppress(NotFound, Conflict):
                await self._cancels.cancel(run.replay_run_id, RecordCancel(workspace_id, workflow_id))
        await self._outputs.delete_of_set(workspace_id, set_id)  # of replays that had ended without a verdict
        return await self._sets.get(workspace_id, workflow_id, set_id)
