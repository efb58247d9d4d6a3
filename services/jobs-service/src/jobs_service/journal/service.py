"""Journal access for workers: appends, which also renew the lease, and reads."""

from typing import Final

from jobs_service.journal.ports import JournalRepository
from jobs_service.runs.claim_rules import expires_soon, require_held, unknown_run
from jobs_service.runs.ports import LoadedRun, RunRepository
from jobs_service.runs.run import Rules
from shared.contracts.claims import AppendJournal, JournalPage, JournalPosition
from shared.errors import PayloadTooLarge

MAX_ENTRY_BYTES: Final = 15 * 1024 * 1024
"""An entry is one document, limited to 16 MiB."""


class JournalService:
    """The journal, fenced by the attempt.

    An acknowledged append leaves the worker enough of its lease to continue, even if earlier renewals failed, so that
    no other worker takes over.
    """

    def __init__(self, runs: RunRepository, journal: JournalRepository, rules: Rules) -> None:
        self._runs = runs
        self._journal = journal
        self._rules = rules

    async def append(self, run_id: str, appended: AppendJournal) -> None:
        """Store journal entries. Raises StaleAttempt, PayloadTooLarge.

        The attempt is checked after the entries are stored, so that later attempts read every acknowledged entry.
        """
        if any(len(bytes(entry.data)) > MAX_ENTRY_BYTES for entry in appended.entries):
            raise PayloadTooLarge(f"A journal entry can have at most {MAX_ENTRY_BYTES} bytes")
        await self._journal.append(run_id, appended.attempt, appended.entries)
        loaded = await self._held(run_id, appended.attempt)
        if expires_soon(loaded.run, loaded.now, self._rules) and not await self._runs.renew(run_id, appended.attempt):
            await self._held(run_id, appended.attempt)  # canceled, or just claimed by another worker

    async def page(self, run_id: str, attempt: int, after: JournalPosition) -> JournalPage:
        """Return the journal page behind an entry. Raises StaleAttempt, Unavailable.

        The attempt is checked after the entries are read: an ended run's journal may be partly deleted.
        """
        page = await self._journal.read(run_id, after)
        await self._held(run_id, attempt)
        return page

    async def _held(self, run_id: str, attempt: int) -> LoadedRun:
        loaded = await self._runs.load(run_id)
        if loaded is not None and loaded.run.has_kept_journal and loaded.run.expires_at is not None:
            await self._journal.expire([run_id], loaded.run.expires_at)
        elif loaded is None or loaded.run.phase.is_terminal:
            # The run is deleted, or will be: no later cleanup would find these entries.
            await self._journal.discard([run_id])
        if loaded is None:
            raise unknown_run(run_id, attempt)
        require_held(loaded.run, attempt)
        return loaded
