"""Files of runs, kept as blobs by jobs-service."""

from shared.contracts.payloads import StoredBlob
from shared.web.client import InternalClient
from shared.web.paths import path_of


class JobsFiles:
    """Implements FileStore. A file is kept for as long as any large value is."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client

    async def put(self, workspace_id: str, file_id: str, content: bytes) -> None:
        """See FileStore."""
        await self._client.call("PUT", _path(workspace_id, file_id), body=content, returns=StoredBlob)

    async def get(self, workspace_id: str, file_id: str) -> bytes:
        """See FileStore."""
        return await self._client.fetch("GET", _path(workspace_id, file_id))


def _path(workspace_id: str, file_id: str) -> str:
    return path_of("blobs", workspace_id, file_id)
