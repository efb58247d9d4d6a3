"""JSON values of any size: large ones are stored as blobs and returned whole."""

from collections.abc import AsyncIterator
from datetime import timedelta

import msgspec

from jobs_service.payloads.ports import BlobRepository
from shared.contracts.payloads import INLINE_LIMIT, Payload
from shared.ids import new_id


class Payloads:
    """Moves values between documents and blobs."""

    def __init__(self, blobs: BlobRepository, lifetime: timedelta) -> None:
        self._blobs = blobs
        self._lifetime = lifetime

    async def fit(self, workspace_id: str, payload: Payload) -> Payload:
        """Return `payload`, small enough for a document."""
        if payload.logged is not None:
            value = msgspec.structs.replace(payload, logged=None)
            logged = await self.fit(workspace_id, payload.logged)
            return msgspec.structs.replace(await self.fit(workspace_id, value), logged=logged)
        document = bytes(payload.inline)
        if payload.blob_id is not None or len(document) <= INLINE_LIMIT:
            return payload
        blob_id = new_id()
        size = await self._blobs.put(workspace_id, blob_id, _once(document), self._lifetime)
        return Payload(blob_id=blob_id, size=size)

    async def pack(self, workspace_id: str, value: object) -> Payload:
        """Return `value` as a payload small enough for a document."""
        document = msgspec.json.encode(value)
        return await self.fit(workspace_id, Payload(inline=msgspec.Raw(document), size=len(document)))

    async def fetch(self, workspace_id: str, payload: Payload) -> bytes:
        """Return the JSON of `payload`. Raises NotFound if its blob has expired."""
        if payload.blob_id is None:
            return bytes(payload.inline)
        _, chunks = await self._blobs.open(workspace_id, payload.blob_id)
        return b"".join([chunk async for chunk in chunks])


async def _once(document: bytes) -> AsyncIterator[bytes]:
    yield document
