"""Client for recordings of runs."""

from collections.abc import Sequence

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
)
from shared.errors import InvalidRequest
from shared.ids import run_key
from shared.web.paths import path_of


class HttpRecordingClient(ServiceCalls):
    """Implements RecordingClient."""

    async def store(self, packs: Sequence[RecordingPack]) -> StoredRecordings:
        """Store recordings of ended runs; return those that are refused.

        Raises Unavailable, InvalidRequest (the only pack is invalid).
        """
        path, body = path_of("recordings", "packs"), msgspec.msgpack.encode(StorePacks(tuple(packs)))
        try:
            return await self._client.call("POST", path, body=body, returns=StoredRecordings)
        except InvalidRequest:
            if len(packs) == 1:
                raise
        answers = [await self._store_pack(pack) for pack in packs]
        return StoredRecordings(tuple(each for answer in answers for each in answer.refused))

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
