"""Attached runs of a stopped process that also held their broker and callers."""

from jobs_service.runs.ports import RunRepository


class Orphans:
    """In a single-process system, attached runs do not survive a restart: all that were in progress are lost."""

    def __init__(self, runs: RunRepository) -> None:
        self._runs = runs

    async def start(self) -> None:
        """Make them overdue, so that the reaper ends them. Raises Unavailable."""
        await self._runs.expire_attached()

    async def stop(self) -> None:
        """Nothing to close."""
