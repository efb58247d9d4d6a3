"""Client for recordings of runs."""

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from shared.clients.calls import ServiceCalls
from shared.contracts.recordings import (
    DeletedRecordings,
    DeleteRecordings,
    RecordingPack,
    RecordingPage,
    RefusedRecording,
    StoredRecordings,
    StorePacks,
    StoreRecordings,
)
from shared.errors import InvalidRequest, RouteMissing
from shared.ids import run_key
from shared.observe.logging import get_logger
from shared.recording_packs import unpack
from shared.web.paths import path_of

RETRY_PACKS_SECONDS: Final = 60.0
"""Delay before packs are tried again with a jobs-service that does not support them.

Until then, recordings are sent in the format of the previous version.
"""
log = get_logger("recording_client")


class HttpRecordingClient(ServiceCalls):
    """Implements RecordingClient."""

    _retry_packs_at = 0.0

    async def store(self, packs: Sequence[RecordingPack]) -> StoredRecordings:
        """Store recordings of ended runs; return those that are refused.

        Raises Unavailable, InvalidRequest (the only pack is invalid).
        """
        now = asyncio.get_running_loop().time()
        if now >= self._retry_packs_at:
            path, body = path_of("recordings", "packs"), msgspec.msgpack.encode(StorePacks(tuple(packs)))
            try:
                return await self._client.call("POST", path, body=body, returns=StoredRecordings)
            except RouteMissing:
                log.info("recording_packs_unsupported", retry_seconds=RETRY_PACKS_SECONDS)
                self._retry_packs_at = now + RETRY_PACKS_SECONDS
            except InvalidRequest:  # an earlier version limits a request to the recordings of one pack
                if len(packs) == 1:
                    raise
        if len(packs) > 1:
            answers = [await self._store_pack(pack) for pack in packs]
            return StoredRecordings(tuple(each for answer in answers for each in answer.refused))
        batch = StoreRecordings(tuple(each for pack in packs for each in unpack(pack)))
        return await self._client.call("POST", path_of("recordings"), body=batch, returns=StoredRecordings)

    async def _store_pack(self, pack: RecordingPack) -> StoredRecordings:
        """Store one of several packs: an invalid one is refused, so that the others are stored."""
        try:
            return await self.store([pack])
        except InvalidRequest as error:
            return StoredRecordings(
                tuple(RefusedRecording(each.summary.run_id, error.message) for each in pack.recordings)
            )

    async def page(
        self, workspace_id: str, workflow_id: str, *, conversation_id: str | None, limit: int, cursor: str | None
    ) -> RecordingPage:
        path = path_of(
            "recordings",
            workspace_id,
            workflow_id=workflow_id,
            conversation_id=conversation_id,
            limit=limit,
            cursor=cursor,
        )
        return await self._client.call("GET", path, returns=RecordingPage)

    async def read(self, workspace_id: str, workflow_id: str, run_id: str) -> bytes:
        path = path_of("recordings", workspace_id, run_key(workspace_id, run_id), workflow_id=workflow_id)
        return await self._client.fetch("GET", path)

    async def delete(self, workspace_id: str, request: DeleteRecordings) -> int:
        path = path_of("recordings", workspace_id, "delete")
        return (await self._client.call("POST", path, body=request, returns=DeletedRecordings)).deleted

    async def delete_of_workflow(self, workspace_id: str, workflow_id: str, *, before: int) -> None:
        await self.delete(workspace_id, DeleteRecordings(workflow_id=workflow_id, bar_revision=before))
