"""How often workflows have run."""

from collections.abc import Mapping, Sequence

from gateway.runs.ports.jobs import Jobs
from shared.contracts.tallies import RunTally
from shared.errors import Unavailable
from shared.observe.logging import get_logger

log = get_logger("run_tallies")

Tallies = Mapping[str, RunTally]
"""By workflow; one that never ran is not in it."""


class RunTallies:
    """Asks jobs-service; a list of workflows is worth more than these numbers, and is not kept back for them."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    async def of(self, workspace_id: str, workflow_ids: Sequence[str]) -> Tallies | None:
        """Those of these workflows; None where that cannot be found out."""
        if not workflow_ids:
            return {}
        try:
            return await self._jobs.tallies(workspace_id, workflow_ids)
        except Unavailable as error:
            log.warning("how often workflows have run is not known", workspace_id=workspace_id, error=error.message)
            return None
