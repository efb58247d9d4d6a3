"""Files of runs, stored as blobs by jobs-service."""

from shared.clients.calls import ServiceCalls
from shared.contracts.files import FileKey
from shared.contracts.payloads import StoredBlob
from shared.web.paths import path_of


class JobsFileStore(ServiceCalls):
    """Implements FileStore. A file has the lifetime of any large value."""

    async def put(self, workspace_id: str, file_id: str, content: bytes) -> None:
        await self._client.call("PUT", path_of("blobs", workspace_id, file_id), body=content, returns=StoredBlob)

    async def get(self, key: FileKey, *, max_bytes: int | None = None) -> bytes:
        path = path_of("blobs", key.workspace_id, key.file_id, run_id=key.run_id, max_bytes=max_bytes)
        return await self._client.fetch("GET", path)
