"""JSON values of any size between services: small ones travel inline, larger ones through jobs-service's blobs."""

import msgspec

from shared.contracts.payloads import INLINE_LIMIT, Payload, StoredBlob
from shared.web.client import InternalClient
from shared.web.paths import path_of


class PayloadStore:
    """Puts large values into the workspace's blobs and fetches them back."""

    def __init__(self, jobs: InternalClient) -> None:
        self._jobs = jobs

    async def put(self, workspace_id: str, document: bytes) -> Payload:
        """`document` (JSON) as a payload. Raises Unavailable when it is large and jobs-service does not answer."""
        if len(document) <= INLINE_LIMIT:
            return Payload(inline=msgspec.Raw(document), size=len(document))
        stored = await self._jobs.call("POST", path_of("blobs", workspace_id), body=document, returns=StoredBlob)
        return Payload(blob_id=stored.blob_id, size=stored.size)

    async def get(self, workspace_id: str, payload: Payload) -> bytes:
        """The JSON of `payload`. Raises NotFound when its blob has reached the end of its life, Unavailable."""
        if payload.blob_id is None:
            return bytes(payload.inline)
        return await self._jobs.fetch("GET", path_of("blobs", workspace_id, payload.blob_id))
