"""JSON values of any size between services: small ones inline, large ones in jobs-service's blobs."""

import msgspec

from shared.clients.calls import ServiceCalls
from shared.contracts.payloads import INLINE_LIMIT, Payload, StoredBlob
from shared.web.paths import path_of


class PayloadStore(ServiceCalls):
    """Stores large values as blobs of the workspace and fetches them."""

    async def put(self, workspace_id: str, document: bytes) -> Payload:
        """Return `document` (JSON) as a payload, stored in jobs-service if it is large. Raises Unavailable."""
        if len(document) <= INLINE_LIMIT:
            return Payload(inline=msgspec.Raw(document), size=len(document))
        stored = await self._client.call("POST", path_of("blobs", workspace_id), body=document, returns=StoredBlob)
        return Payload(blob_id=stored.blob_id, size=stored.size)

    async def get(self, workspace_id: str, payload: Payload) -> bytes:
        """Return the JSON of `payload`. Raises NotFound when its blob has expired, Unavailable."""
        if payload.blob_id is None:
            return bytes(payload.inline)
        return await self._client.fetch("GET", path_of("blobs", workspace_id, payload.blob_id))
