"""Values too large for a document."""

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import timedelta
from typing import Annotated, Final, Protocol

import msgspec
from bson import ObjectId
from fastapi import APIRouter, Depends, Path, Query
from gridfs import AsyncGridFSBucket, NoFile
from gridfs.asynchronous.grid_file import AsyncGridIn, AsyncGridOut
from pymongo.errors import PyMongoError
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from jobs_service.store import now_ms
from shared.contracts.files import ID_PREFIX
from shared.contracts.payloads import INLINE_LIMIT, Payload, StoredBlob
from shared.errors import NotFound, PayloadTooLarge, Unavailable
from shared.ids import new_id
from shared.security.run_tickets import ticket_error
from shared.service import ServiceName
from shared.store.client import Document, Store, store_call
from shared.store.indexes import Index, ascending
from shared.store.server_time import server_time_after
from shared.web.run_tickets import RunAccess, TicketChecks
from shared.web.struct_bodies import StructResponse


class BlobRepository(Protocol):
    """Large values, per workspace, with a lifetime."""

    async def put(self, workspace_id: str, blob_id: str, chunks: AsyncIterator[bytes], lifetime: timedelta) -> int:
        """Store a value; return its size in bytes. A later one with the same id replaces it.

        Raises PayloadTooLarge.
        """

    async def open(self, workspace_id: str, blob_id: str) -> tuple[int, AsyncIterator[bytes]]:
        """Return the size and the bytes. Raises NotFound."""

    async def extend_lifetimes(self, workspace_id: str, blob_ids: Sequence[str], lifetime: timedelta) -> None:
        """Extend the lifetime of these values to at least `lifetime` from now."""

    async def sweep(self, limit: int) -> int:
        """Delete up to `limit` expired values; return how many."""


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


BLOBS: Final = "/internal/blobs/"
Name = Annotated[str, Path(max_length=128)]


def blobs_router(blobs: BlobRepository, checks: TicketChecks, *, lifetime: timedelta) -> APIRouter:
    """Return the routes for a workspace's blobs. `lifetime` is the default and the maximum."""
    holder = checks.access(ServiceName.GATEWAY, ServiceName.EXECUTOR)

    async def is_of_workspace(workspace_id: Name, access: Annotated[RunAccess, Depends(holder)]) -> None:
        access.require(workspace_id=workspace_id)

    router = APIRouter(prefix=f"{BLOBS}{{workspace_id}}", dependencies=[Depends(is_of_workspace)])
    longest = round(lifetime.total_seconds())
    Lifetime = Annotated[int, Query(ge=1, le=longest)]  # noqa: N806 - a type

    async def store(request: Request, workspace_id: str, blob_id: str, seconds: int) -> Response:
        size = await blobs.put(workspace_id, blob_id, request.stream(), timedelta(seconds=seconds))
        return StructResponse(StoredBlob(blob_id, size), status_code=201)

    @router.post("")
    async def create(request: Request, workspace_id: Name, lifetime_seconds: Lifetime = longest) -> Response:
        return await store(request, workspace_id, new_id(), lifetime_seconds)

    @router.put("/{blob_id}")
    async def put(
        request: Request,
        workspace_id: Name,
        blob_id: Name,
        access: Annotated[RunAccess, Depends(holder)],
        lifetime_seconds: Lifetime = longest,
    ) -> Response:
        if access.ticket is not None and not access.ticket.owns_file(blob_id):
            raise ticket_error("other_file", "The run ticket is for files of another run")
        return await store(request, workspace_id, blob_id, lifetime_seconds)

    @router.get("/{blob_id}")
    async def get(
        workspace_id: Name,
        blob_id: Name,
        access: Annotated[RunAccess, Depends(holder)],
        run_id: str | None = None,
        max_bytes: int | None = None,
    ) -> Response:
        if (
            access.ticket is not None
            and blob_id.startswith(ID_PREFIX)
            and not access.ticket.may_read_file(blob_id, run_id)
        ):
            raise NotFound(f"Stored value {blob_id} not found")
        size, chunks = await blobs.open(workspace_id, blob_id)
        if max_bytes is not None and size > max_bytes:
            raise PayloadTooLarge(f"Stored value {blob_id} has {size} bytes; the limit is {max_bytes}")
        headers = {"content-length": str(size)}
        return StreamingResponse(chunks, media_type="application/octet-stream", headers=headers)

    return router
