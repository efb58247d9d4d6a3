"""Blobs in GridFS. A value is visible once completely stored; incomplete ones are deleted later."""

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import timedelta
from typing import Final

from bson import ObjectId
from gridfs import AsyncGridFSBucket, NoFile
from gridfs.asynchronous.grid_file import AsyncGridIn, AsyncGridOut
from pymongo.errors import PyMongoError

from jobs_service.store.timestamps import now_ms
from shared.errors import NotFound, PayloadTooLarge, Unavailable
from shared.store.client import Document, Store, store_call
from shared.store.indexes import Index, ascending
from shared.store.server_time import server_time_after

BUCKET: Final = "blobs"
LIFETIMES: Final = "blob_lives"
CHUNK_BYTES: Final = 1024 * 1024
INDEXES: Final = (Index(LIFETIMES, ascending("until_ms")),)


class MongoBlobs:
    """Implements BlobRepository."""

    def __init__(self, store: Store, *, max_bytes: int) -> None:
        self._bucket = AsyncGridFSBucket(store.database, BUCKET, chunk_size_bytes=CHUNK_BYTES)
        self._lifetimes = store.collection(LIFETIMES)
        self._files = store.collection(f"{BUCKET}.files")
        self._chunks = store.collection(f"{BUCKET}.chunks")
        self._store = store
        self._max_bytes = max_bytes

    @store_call
    async def put(self, workspace_id: str, blob_id: str, chunks: AsyncIterator[bytes], lifetime: timedelta) -> int:
        file_id = ObjectId()
        await self._set_lifetime(file_id, lifetime)  # first: in any failure, cleanup finds every chunk
        upload = self._bucket.open_upload_stream_with_id(file_id, _name(workspace_id, blob_id))
        try:
            size = await self._fill(upload, chunks)
        except BaseException:
            await upload.abort()
            raise
        await upload.close()
        await self._set_lifetime(file_id, lifetime)  # cleanup may have deleted it during a long upload
        return size

    @store_call
    async def open(self, workspace_id: str, blob_id: str) -> tuple[int, AsyncIterator[bytes]]:
        try:
            stream = await self._bucket.open_download_stream_by_name(_name(workspace_id, blob_id))
        except NoFile:
            raise NotFound(f"Stored value {blob_id} not found") from None
        if not await self._exists(stream._id):
            raise NotFound(f"Stored value {blob_id} not found")
        return stream.length, _chunks_of(stream)

    @store_call
    async def extend_lifetimes(self, workspace_id: str, blob_ids: Sequence[str], lifetime: timedelta) -> None:
        names = [_name(workspace_id, blob_id) for blob_id in blob_ids]
        found = await self._files.find({"filename": {"$in": names}}, {"_id": 1}).to_list()
        until = {"$max": ["$until_ms", server_time_after(lifetime)]}
        for file in found:
            await self._lifetimes.update_one({"_id": file["_id"]}, [{"$set": {"until_ms": until}}])

    @store_call
    async def sweep(self, limit: int) -> int:
        found = await self._lifetimes.find({"until_ms": {"$lte": await now_ms(self._store)}}).limit(limit).to_list()
        await self._delete([lifetime["_id"] for lifetime in found])
        return len(found)

    async def content(self, workspace_id: str, blob_id: str) -> AsyncIterator[bytes]:
        """Return a value in parts; none if it was deleted. Raises Unavailable."""
        try:
            stream = await self._bucket.open_download_stream_by_name(_name(workspace_id, blob_id))
        except NoFile:
            return
        async for chunk in _chunks_of(stream):
            yield chunk

    @store_call
    async def discard(self, workspace_id: str, blob_ids: Iterable[str]) -> None:
        """Delete these values, regardless of their lifetime."""
        names = [_name(workspace_id, blob_id) for blob_id in blob_ids]
        if names:
            await self._discard({"filename": {"$in": names}}, len(names))

    @store_call
    async def discard_all(self, workspace_id: str, limit: int) -> int:
        """Delete up to `limit` values of a workspace; return how many."""
        return await self._discard({"filename": {"$gt": f"{workspace_id}/", "$lt": f"{workspace_id}0"}}, limit)

    async def _discard(self, wanted: Document, limit: int) -> int:
        found = await self._files.find(wanted, {"_id": 1}).limit(limit).to_list()
        await self._delete([file["_id"] for file in found])
        return len(found)

    async def _delete(self, ids: Sequence[ObjectId]) -> None:
        """Delete chunks first; the documents that name them last."""
        if ids:
            await self._chunks.delete_many({"files_id": {"$in": ids}})
            await self._files.delete_many({"_id": {"$in": ids}})
            await self._lifetimes.delete_many({"_id": {"$in": ids}})

    async def _set_lifetime(self, file_id: ObjectId, lifetime: timedelta) -> None:
        await self._lifetimes.update_one(
            {"_id": file_id}, [{"$set": {"until_ms": server_time_after(lifetime)}}], upsert=True
        )

    async def _fill(self, upload: AsyncGridIn, chunks: AsyncIterator[bytes]) -> int:
        size = 0
        async for chunk in chunks:
            size += len(chunk)
            if size > self._max_bytes:
                raise PayloadTooLarge(f"A stored value can have at most {self._max_bytes} bytes")
            await upload.write(chunk)
        return size

    async def _exists(self, file_id: ObjectId) -> bool:
        lifetime = await self._lifetimes.find_one({"_id": file_id})
        return lifetime is not None and lifetime["until_ms"] > await now_ms(self._store)


def _name(workspace_id: str, blob_id: str) -> str:
    return f"{workspace_id}/{blob_id}"


async def _chunks_of(stream: AsyncGridOut) -> AsyncIterator[bytes]:
    try:
        while chunk := await stream.readchunk():
            yield chunk
    except PyMongoError as error:
        raise Unavailable(f"the store does not respond: {error}") from error
    finally:
        await stream.close()
