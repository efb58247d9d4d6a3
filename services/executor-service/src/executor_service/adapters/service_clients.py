"""Clients of jobs-service and deploy-service for workers."""

from collections.abc import Collection
from typing import Final

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
from shared.contracts.deployments import CallableEndpoint, Environment
from shared.contracts.pauses import PauseRun
from shared.contracts.recordings import Recording
from shared.contracts.replay_sets import ModelCallAnswer, ModelCost
from shared.contracts.runs import SnapshotRef
from shared.web.client import InternalClient
from shared.web.paths import path_of

NAMES_CHARS: Final = 16 * 1024
"""Limit of a URL. For more names, all values are returned."""


class JobsClient:
    """Client for durable runs at jobs-service."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client

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


class DeployClient:
    """Client for endpoints, snapshots and environment values at deploy-service."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client

    async def snapshot(self, snapshot: SnapshotRef) -> bytes:
        """Return the immutable workflow state as JSON. Raises NotFound, Unavailable."""
        return await self._client.fetch("GET", path_of("snapshots", snapshot.workspace_id, snapshot.snapshot_hash))

    async def endpoint(self, workspace_id: str, workflow_id: str, snapshot_hash: str | None = None) -> CallableEndpoint:
        """Return a workflow's live version, with a ticket for it or for the named one.

        Raises NotFound, Unavailable.
        """
        path = path_of("workflows", workflow_id, "endpoint", workspace_id=workspace_id, snapshot_hash=snapshot_hash)
        return await self._client.call("GET", path, returns=CallableEndpoint)

    async def environment(
        self, workspace_id: str, user_id: str | None, names: Collection[str] | None = None
    ) -> Environment:
        """Return the `{{NAME}}` values of a workspace and its user: of `names`, or all. Raises Unavailable."""
        listed = None if names is None else ",".join(sorted(names))
        wanted = None if listed is None or len(listed) > NAMES_CHARS else listed
        path = path_of("environment", workspace_id, user_id=user_id, names=wanted)
        return await self._client.call("GET", path, returns=Environment)
