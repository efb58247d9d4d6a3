"""Durable runs, as workers execute them."""

from shared.clients.calls import ServiceCalls
from shared.contracts.claims import (
    AppendJournal,
    ClaimAnswer,
    ClaimRun,
    FinishRun,
    JournalPage,
    JournalPosition,
    LeaseAnswer,
    ReleaseRun,
    RenewLease,
)
from shared.contracts.jobs import PauseRun
from shared.contracts.recordings import Recording
from shared.contracts.replay_sets import ModelCallAnswer, ModelCost
from shared.contracts.runs import SnapshotRef
from shared.web.paths import path_of


class WorkerRunClient(ServiceCalls):
    """Claims, journals and results of durable runs; the recordings and budgets of those that are replays."""

    async def claim(self, run_id: str, claim: ClaimRun) -> ClaimAnswer:
        """Claim a dispatched run. Raises Unavailable."""
        return await self._client.call("POST", path_of("runs", run_id, "claim"), body=claim, returns=ClaimAnswer)

    async def renew(self, run_id: str, attempt: int) -> LeaseAnswer:
        """Renew the lease. Raises StaleAttempt, Unavailable."""
        return await self._client.call(
            "POST", path_of("runs", run_id, "lease"), body=RenewLease(attempt), returns=LeaseAnswer
        )

    async def read_journal(self, run_id: str, attempt: int, behind: JournalPosition) -> JournalPage:
        """Return a page of earlier attempts' journal. Raises StaleAttempt, Unavailable."""
        path = path_of("runs", run_id, "journal", attempt=attempt, index=behind.index, written_by=behind.attempt)
        return await self._client.call("GET", path, returns=JournalPage)

    async def append_journal(self, run_id: str, entries: AppendJournal) -> None:
        """Store journal entries. Raises StaleAttempt, Unavailable."""
        await self._client.call("POST", path_of("runs", run_id, "journal"), body=entries)

    async def finish(self, run_id: str, result: FinishRun) -> None:
        """Store the attempt's outcome. Raises StaleAttempt, Unavailable."""
        await self._client.call("POST", path_of("runs", run_id, "finish"), body=result)

    async def pause(self, run_id: str, report: PauseRun) -> None:
        """Store a paused attached run. Raises Conflict if it is being canceled, Unavailable."""
        await self._client.call("POST", path_of("runs", run_id, "pause"), body=report)

    async def read(self, workspace_id: str, workflow_id: str, run_id: str) -> Recording:
        """Return the recording that the current run replays. Raises NotFound, Unavailable."""
        path = path_of("recordings", workspace_id, run_id, workflow_id=workflow_id)
        return await self._client.call("GET", path, returns=Recording)

    async def reserve_call(self, snapshot: SnapshotRef, set_id: str) -> bool:
        """Reserve a model call of a replay set. Raises Unavailable."""
        path = path_of("replay-sets", snapshot.workspace_id, snapshot.workflow_id, set_id, "model-calls")
        return (await self._client.call("POST", path, returns=ModelCallAnswer)).is_granted

    async def charge_call(self, snapshot: SnapshotRef, set_id: str, usd: float) -> None:
        """Add the cost of a model call of a replay set. Raises Unavailable."""
        path = path_of("replay-sets", snapshot.workspace_id, snapshot.workflow_id, set_id, "model-costs")
        await self._client.call("POST", path, body=ModelCost(usd))

    async def release(self, run_id: str, attempt: int) -> None:
        """Release the unfinished run. Raises StaleAttempt, Unavailable."""
        await self._client.call("POST", path_of("runs", run_id, "release"), body=ReleaseRun(attempt))
