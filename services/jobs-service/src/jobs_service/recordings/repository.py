"""Recordings in MongoDB, each encrypted with a key that the key ring encrypts.

So a rotation re-encrypts only the small keys, and a deleted key makes its recording unreadable.
"""

import asyncio
import os
from base64 import b64decode, b64encode
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pymongo import ReplaceOne

from jobs_service.store.timestamps import from_ms, now_ms
from shared.contracts.recordings import DeleteRecordings, RecordingPage, RecordingSummary, StoreRecording
from shared.contracts.runs import RunStatus
from shared.errors import NotFound
from shared.ids import public_run_id
from shared.security.aes_gcm import AesGcmKeyRing
from shared.store.client import Store
from shared.store.documents import Document
from shared.store.errors import store_call
from shared.store.indexes import Index, ascending
from shared.store.sealed_documents import SealedDocuments, read_sealed

RECORDINGS: Final = "recordings"
CHUNKS: Final = "recording_chunks"
BARS: Final = "recording_bars"
"""Revisions of workflows whose recordings were deleted: recordings that arrive later are refused."""
INDEXES: Final = (
    Index(RECORDINGS, ascending("workspace_id", "workflow_id", "position")),
    Index(RECORDINGS, ascending("key.key_id")),
    Index(RECORDINGS, ascending("expires_at"), expire_after_seconds=0),
    Index(CHUNKS, ascending("run")),
    Index(CHUNKS, ascending("workspace_id", "workflow_id")),
    Index(CHUNKS, ascending("expires_at"), expire_after_seconds=0),
)
CHUNK_BYTES: Final = 4 * 1024 * 1024
NONCE_BYTES: Final = 12
KEY_BITS: Final = 256
MAX_DAYS: Final = 3_650
_KEY: Final = "key"


class MongoRecordings:
    """Recordings by workspace and run."""

    def __init__(self, store: Store, key_ring: AesGcmKeyRing) -> None:
        self._store = store
        self._key_ring = key_ring
        self._recordings = store.collection(RECORDINGS)
        self._chunks = store.collection(CHUNKS)
        self._bars = store.collection(BARS)

    @store_call
    async def put(self, workspace_id: str, run: str, request: StoreRecording) -> bool:
        """Store a recording; return whether it is stored. A later one of the same run replaces it.

        Raises Unavailable without an encryption key.
        """
        workflow_id, revision = request.summary.workflow_id, request.record.revision
        if await self._is_barred(workspace_id, workflow_id, revision):
            return False
        secret = AESGCM.generate_key(KEY_BITS)
        sealed = self._key_ring.seal(b64encode(secret).decode(), workspace_id=workspace_id, name=_name(run))
        content = await asyncio.to_thread(_encrypt, secret, bytes(request.content), _bound(workspace_id, run))
        now = await now_ms(self._store)
        expires_at = from_ms(now) + timedelta(days=min(max(request.record.days, 1), MAX_DAYS))
        owner: Document = {"workspace_id": workspace_id, "workflow_id": workflow_id, "expires_at": expires_at}
        await self._chunks.delete_many({"run": run})
        for number, start in enumerate(range(0, len(content), CHUNK_BYTES)):
            chunk = {"_id": f"{run}#{number}", "run": run, **owner, "data": content[start : start + CHUNK_BYTES]}
            await self._chunks.bulk_write([ReplaceOne({"_id": chunk["_id"]}, chunk, upsert=True)])
        fields = _fields(request.summary)
        document = {"_id": run, **owner, **fields, "position": f"{now:015d}-{run}", _KEY: asdict(sealed)}
        await self._recordings.replace_one({"_id": run}, document, upsert=True)
        if await self._is_barred(workspace_id, workflow_id, revision):  # a deletion may have passed before
            await self._delete({"_id": run}, {"run": run})
            return False
        return True

    @store_call
    async def read(self, workspace_id: str, workflow_id: str, run: str) -> bytes:
        """Return a Recording as JSON. Raises NotFound, Unavailable (it cannot be decrypted)."""
        found = await self._recordings.find_one({"_id": run, "workspace_id": workspace_id, "workflow_id": workflow_id})
        if found is None or found["expires_at"].timestamp() * 1000 <= await now_ms(self._store):
            raise NotFound("Recording not found")
        chunks = {each["_id"]: each["data"] async for each in self._chunks.find({"run": run})}
        content = b"".join(chunks[f"{run}#{number}"] for number in range(len(chunks)))
        sealed = read_sealed(found[_KEY])
        secret = self._key_ring.open(sealed, workspace_id=workspace_id, name=_name(run))
        return await asyncio.to_thread(_decrypt, b64decode(secret), content, _bound(workspace_id, run))

    @store_call
    async def page(
        self, workspace_id: str, workflow_id: str, *, conversation_id: str | None, limit: int, cursor: str | None
    ) -> RecordingPage:
        """Return a workflow's recordings, newest first."""
        wanted: Document = {
            "workspace_id": workspace_id,
            "workflow_id": workflow_id,
            "expires_at": {"$gt": from_ms(await now_ms(self._store))},
        }
        if conversation_id is not None:
            wanted["conversation_id"] = conversation_id
        if cursor is not None:
            wanted["position"] = {"$lt": cursor}
        found = await self._recordings.find(wanted, {_KEY: 0}).sort("position", -1).limit(limit + 1).to_list()
        shown = found[:limit]
        next_cursor = shown[-1]["position"] if len(found) > limit else None
        return RecordingPage(tuple(map(_summary, shown)), next_cursor)

    @store_call
    async def delete(self, workspace_id: str, request: DeleteRecordings, run: str | None) -> int:
        """Delete recordings, and bar late ones; return how many were deleted."""
        owner: Document = {"workspace_id": workspace_id, "workflow_id": request.workflow_id}
        if request.bar_revision is not None:
            bar = {"$max": {"revision": request.bar_revision}, "$setOnInsert": owner}
            await self._bars.update_one({"_id": _bar(workspace_id, request.workflow_id)}, bar, upsert=True)
        if run is not None:
            return await self._delete({**owner, "_id": run}, {**owner, "run": run})
        if request.conversation_id is None:
            return await self._delete(owner, owner)
        wanted = {**owner, "conversation_id": request.conversation_id}
        runs = [each["_id"] async for each in self._recordings.find(wanted, {"_id": 1})]
        return await self._delete({**owner, "_id": {"$in": runs}}, {**owner, "run": {"$in": runs}})

    async def _delete(self, recordings: Document, chunks: Document) -> int:
        """Delete keys first: without its key, a chunk is unreadable."""
        deleted = (await self._recordings.delete_many(recordings)).deleted_count
        await self._chunks.delete_many(chunks)
        return deleted

    async def _is_barred(self, workspace_id: str, workflow_id: str, revision: int) -> bool:
        found = await self._bars.find_one({"_id": _bar(workspace_id, workflow_id)})
        return found is not None and revision <= found["revision"]


def sealed_keys(store: Store) -> SealedDocuments:
    """Return the keys of recordings, for key rotation."""
    return SealedDocuments(store.collection(RECORDINGS), _KEY, lambda each: (each["workspace_id"], _name(each["_id"])))


def _encrypt(secret: bytes, content: bytes, bound: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(secret).encrypt(nonce, content, bound)


def _decrypt(secret: bytes, content: bytes, bound: bytes) -> bytes:
    return AESGCM(secret).decrypt(content[:NONCE_BYTES], content[NONCE_BYTES:], bound)


_SHOWN: Final = ("version", "trigger", "conversation_id", "started_at", "duration_ms", "blocks", "size", "is_cut")


def _fields(summary: RecordingSummary) -> dict[str, Any]:
    return {name: getattr(summary, name) for name in _SHOWN} | {"status": summary.status.value}


def _summary(document: Document) -> RecordingSummary:
    return RecordingSummary(
        run_id=public_run_id(document["_id"]),
        workflow_id=document["workflow_id"],
        status=RunStatus(document["status"]),
        expires_at=document["expires_at"],
        **{name: document[name] for name in _SHOWN},
    )


def _bound(workspace_id: str, run: str) -> bytes:
    return f"{workspace_id}\0{run}".encode()


def _bar(workspace_id: str, workflow_id: str) -> str:
    return f"{workspace_id}/{workflow_id}"


def _name(run: str) -> str:
    return f"recording/{run}"
