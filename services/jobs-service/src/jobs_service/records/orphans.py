"""Attached runs of a process that is gone, with the broker and the callers that it held."""

from jobs_service.runs.ports import Runs


class Orphans:
    """Where one process is everything, nothing attached outlives it: what was under way then is lost now."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    async def start(self) -> None:
        """Leave them to the reaper. Raises Unavailable."""
        await self._runs.orphan_attached()

    async def stop(self) -> None:
        """Nothing is held."""
