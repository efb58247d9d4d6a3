"""Deletes the journals of ended runs, later and in batches."""

from typing import Final

from jobs_service.journal.ports import JournalRepository

MAX_WAITING: Final = 10_000
AT_ONCE: Final = 500


class JournalCleaner:
    """Journals to discard. Those lost in a crash or under load expire in the store."""

    def __init__(self, journal: JournalRepository) -> None:
        self._journal = journal
        self._run_ids: list[str] = []

    def discard_journal(self, run_id: str) -> None:
        """Schedule an ended run's journal for deletion."""
        if len(self._run_ids) < MAX_WAITING:
            self._run_ids.append(run_id)

    async def step(self) -> None:
        """Discard the scheduled journals. Raises Unavailable."""
        while self._run_ids:
            await self._journal.discard(self._run_ids[:AT_ONCE])
            del self._run_ids[:AT_ONCE]
