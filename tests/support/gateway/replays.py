"""Replay sets in memory."""

from typing import Any

from msgspec.structs import replace
from tests.support.gateway.clock import NOON

from shared.contracts.replay_sets import (
    CreateReplaySet,
    ReplayCounts,
    ReplayedRun,
    ReplayedRunPage,
    ReplayedVerdict,
    ReplaySet,
    ReplaySetPage,
    ReplaySetStatus,
)
from shared.errors import NotFound


def a_replay(replay_id: str = "S1", **more: Any) -> ReplaySet:
    """Return a replay of `W`."""
    known: dict[str, Any] = {
        "workspace_id": "WS1",
        "workflow_id": "W",
        "status": ReplaySetStatus.REFUSED,
        "created_at": NOON,
        "snapshot_hash": "hash1",
        "total": 4,
        "counts": ReplayCounts(same=1, different=1, failed=1, skipped=1),
        "suggested_ignore": ("Ask.at",),
    }
    return ReplaySet(id=replay_id, **{**known, **more})


class FakeReplays:
    """Implements ReplaySetClient. A test ends the sets."""

    def __init__(self) -> None:
        self.requests: list[CreateReplaySet] = []
        self.sets: dict[str, ReplaySet] = {}
        self.results: dict[str, list[ReplayedRun]] = {}

    def put(self, replay: ReplaySet, *runs: ReplayedRun) -> None:
        self.sets[replay.id] = replay
        self.results[replay.id] = list(runs)

    async def create(self, request: CreateReplaySet) -> ReplaySet:
        self.requests.append(request)
        snapshot = request.run.snapshot
        if request.id not in self.sets:
            self.put(
                ReplaySet(
                    id=request.id,
                    workspace_id=snapshot.workspace_id,
                    workflow_id=snapshot.workflow_id,
                    status=ReplaySetStatus.RUNNING,
                    created_at=NOON,
                    created_by=request.created_by,
                    snapshot_hash=snapshot.snapshot_hash,
                    version=snapshot.version,
                    is_draft=request.is_draft,
                    ignore=request.ignore,
                    thresholds=request.thresholds,
                    budget=request.budget,
                    total=2,
                )
            )
        return self.sets[request.id]

    async def page(self, workspace_id: str, workflow_id: str, *, limit: int, cursor: str | None) -> ReplaySetPage:
        found = [
            each for each in self.sets.values() if (each.workspace_id, each.workflow_id) == (workspace_id, workflow_id)
        ]
        return ReplaySetPage(tuple(reversed(found))[:limit])

    async def get(self, workspace_id: str, workflow_id: str, set_id: str) -> ReplaySet:
        found = self.sets.get(set_id)
        if found is None or (found.workspace_id, found.workflow_id) != (workspace_id, workflow_id):
            raise NotFound("Replay not found")
        return found

    async def runs(
        self,
        workspace_id: str,
        workflow_id: str,
        set_id: str,
        *,
        verdict: ReplayedVerdict | None,
        limit: int,
        cursor: str | None,
    ) -> ReplayedRunPage:
        await self.get(workspace_id, workflow_id, set_id)
        found = [each for each in self.results[set_id] if verdict in (None, each.verdict)]
        first = int(cursor or 0)
        more = str(first + limit) if len(found) > first + limit else None
        return ReplayedRunPage(tuple(found[first : first + limit]), more)

    async def cancel(self, workspace_id: str, workflow_id: str, set_id: str) -> ReplaySet:
        found = await self.get(workspace_id, workflow_id, set_id)
        self.sets[set_id] = replace(found, status=ReplaySetStatus.CANCELED)
        return self.sets[set_id]
