"""Deletes or dates the journals of ended runs, later and in batches."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from jobs_service.journal.ports import JournalRepository
from jobs_service.runs.run import Run

MAX_WAITING: Final = 10_000
AT_ONCE: Final = 500
ROUNDING: Final = timedelta(minutes=1)
"""Journals may outlive their runs by this much, so that one statement dates many of them."""


class JournalCleaner:
    """Journals of ended runs. Those lost in a crash or under load expire in the store."""

    def __init__(self, journal: JournalRepository) -> None:
        self._journal = journal
        self._run_ids: list[str] = []
        self._kept: list[tuple[str, datetime]] = []

    def end_journal(self, run: Run) -> None:
        """Schedule an ended run's journal for deletion, or for its expiry with the run if it can be repaired."""
        if not run.has_kept_journal or run.expires_at is None:
            self.discard_journal(run.id)
        elif len(self._kept) < MAX_WAITING:
            self._kept.append((run.id, run.expires_at))

    def discard_journal(self, run_id: str) -> None:
        """Schedule a journal for deletion."""
        if len(self._run_ids) < MAX_WAITING:
            self._run_ids.append(run_id)

    async def step(self) -> None:
        """Discard or date the scheduled journals. Raises Unavailable."""
        while self._run_ids:
            await self._journal.discard(self._run_ids[:AT_ONCE])
            del self._run_ids[:AT_ONCE]
        while self._kept:
            await self._date(self._kept[:AT_ONCE])
            del self._kept[:AT_ONCE]

    async def _date(self, kept: Sequence[tuple[str, datetime]]) -> None:
        by_expiry: defaultdict[datetime, list[str]] = defaultdict(list)
        for run_id, expires_at in kept:
            by_expiry[_rounded_up(expires_at)].append(run_id)
        for expires_at, run_ids in by_expiry.items():
            await self._journal.expire(run_ids, expires_at)


def _rounded_up(moment: datetime) -> datetime:
    minute = moment.replace(second=0, microsecond=0)
    return minute if minute == moment else minute + ROUNDING
