"""Run ids that callers choose, unique while anything of their run is stored.

The gateway makes them unique over all workspaces, see shared.ids.run_key.
"""

from jobs_service.runs.ports import RunRepository
from jobs_service.runs.run import id_taken


class RunIdService:
    """Reservations of ids for attached runs; a durable run takes its id at admission."""

    def __init__(self, runs: RunRepository) -> None:
        self._runs = runs

    async def reserve(self, run_id: str, workspace_id: str, workflow_id: str) -> None:
        """Reserve an id. Raises RunIdTaken."""
        if not await self._runs.reserve(run_id, workspace_id, workflow_id):
            raise id_taken(run_id)

    async def unreserve(self, run_id: str, workspace_id: str) -> None:
        """Release an id whose run never started; any other id stays taken."""
        await self._runs.unreserve(run_id, workspace_id)
