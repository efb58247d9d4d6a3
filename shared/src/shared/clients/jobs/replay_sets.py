"""Replay sets."""

from shared.clients.calls import ServiceCalls
from shared.contracts.replay_sets import CreateReplaySet, ReplayedRunPage, ReplayedVerdict, ReplaySet, ReplaySetPage
from shared.web.paths import path_of


class HttpReplaySetClient(ServiceCalls):
    """Implements ReplaySetClient."""

    async def create(self, request: CreateReplaySet) -> ReplaySet:
        return await self._client.call("POST", path_of("replay-sets"), body=request, returns=ReplaySet)

    async def page(self, workspace_id: str, workflow_id: str, *, limit: int, cursor: str | None) -> ReplaySetPage:
        path = path_of("replay-sets", workspace_id, workflow_id, limit=limit, cursor=cursor)
        return await self._client.call("GET", path, returns=ReplaySetPage)

    async def get(self, workspace_id: str, workflow_id: str, set_id: str) -> ReplaySet:
        path = path_of("replay-sets", workspace_id, workflow_id, set_id)
        return await self._client.call("GET", path, returns=ReplaySet)

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
        path = path_of(
            "replay-sets", workspace_id, workflow_id, set_id, "runs", verdict=verdict, limit=limit, cursor=cursor
        )
        return await self._client.call("GET", path, returns=ReplayedRunPage)

    async def cancel(self, workspace_id: str, workflow_id: str, set_id: str) -> ReplaySet:
        path = path_of("replay-sets", workspace_id, workflow_id, set_id, "cancel")
        return await self._client.call("POST", path, returns=ReplaySet)
