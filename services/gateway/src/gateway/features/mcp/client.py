"""Tool servers at deploy-service."""

from collections.abc import Sequence
from typing import Any, Protocol

from gateway.publications.client import HttpPublicationClient, PublicationClient
from shared.contracts.tool_servers import SaveToolServer, ToolServer, ToolServers
from shared.web.client import InternalClient
from shared.web.paths import path_of


class ToolServerClient(PublicationClient[ToolServer], Protocol):
    """Port of tool servers."""

    async def of(self, workspace_id: str) -> Sequence[ToolServer]:
        """Return the workspace's servers, oldest first."""


class HttpToolServerClient(HttpPublicationClient[ToolServer]):
    """Implements ToolServerClient."""

    def __init__(self, client: InternalClient) -> None:
        super().__init__(client, "tool-servers", ToolServer)

    async def of(self, workspace_id: str) -> Sequence[ToolServer]:
        path = path_of("tool-servers", workspace_id=workspace_id)
        return (await self._client.call("GET", path, returns=ToolServers)).servers

    async def save(self, publication: ToolServer, settings: Any) -> ToolServer:
        body = SaveToolServer(settings, publication.revision)
        return await self._client.call("PUT", path_of("tool-servers", publication.id), body=body, returns=ToolServer)
