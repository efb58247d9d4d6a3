"""Recordings in MongoDB, in encrypted packs.

The key ring encrypts only the key of each pack. So a rotation re-encrypts only the small keys, and a pack without its
key is unreadable.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final, NamedTuple

from jobs_service.recordings.packs import (
    KEY,
    NO_CONTENT,
    PackCipher,
    PackEntry,
    content_id_of,
    entries_of,
    find_packs,
    key_name,
    pack_id_of,
    part_of,
    recordings_in,
    summaries,
)
from jobs_service.store import from_ms, insert_new, now_ms
from shared.batching import Batcher
from shared.contracts.recording_policy import RecordRun
from shared.contracts.recordings import DeleteRecordings, RecordingPage
from shared.errors import FlowportError, NotFound, Unavailable
from shared.optimistic_concurrency import retry_on_conflict
from shared.security.aes_gcm import AesGcmKeyRing
from shared.store.client import Document, Store, store_call
from shared.store.indexes import Index, ascending
from shared.store.sealed_documents import SealedDocuments
from shared.store.server_time import add_server_time
from shared.tracebacks import without_traceback

RECORDINGS: Final = "recordings"
CHUNKS: Final = "recording_chunks"
BARS: Final = "recording_bars"
"""Revisions of workflows whose recordings were deleted: recordings that arrive later are refused."""
INDEXES: Final = (
    Index(RECORDINGS, ascending("workspace_id", "workflow_id", "position")),
    Index(RECORDINGS, ascending("runs")),
    Index(RECORDINGS, ascending("workspace_id", "workflow_id", "first_ms", "last_ms")),
    Index(RECORDINGS, ascending("key.key_id")),
    Index(RECORDINGS, ascending("expires_at"), expire_after_seconds=0),
    Index(CHUNKS, ascending("run")),
    Index(CHUNKS, ascending("workspace_id", "workflow_id")),
    Index(CHUNKS, ascending("expires_at"), expire_after_seconds=0),
)
MAX_DAYS: Final = 3_650
PACKS_AT_ONCE: Final = 20
"""Packs that a list fetches together: each may have hundreds of summaries."""
MAX_READS: Final = 8
"""Recordings that are read together; each may have 16 MiB."""
MAX_WAITING: Final = 1_000
MISSING: Final = "Recording not found"
CHANGED: Final = "The recording changed during its deletion. Try again."
Forget = Callable[[str, str, Sequence[str] | None], Awaitable[None]]
"""Deletes what else is stored of a workflow's recordings: of these runs, or of all with None."""


class ReceivedPack(NamedTuple):
    """Recordings of one workflow to store, each of another run."""

    owner: tuple[str, str]
    """The workspace and the workflow."""
    record: RecordRun
    entries: Sequence[PackEntry]
    content: bytes
    """The JSON of the recordings, one after the other."""

    @property
    def runs(self) -> set[str]:
        """Return the keys of the runs."""
        return {entry.run for entry in self.entries}


class _Wanted(NamedTuple):
    """A recording to read."""

    workspace_id: str
    workflow_id: str
    run: str


class MongoRecordings:
    """Recordings by workspace and run."""

    def __init__(self, store: Store, key_ring: AesGcmKeyRing, forget: Forget) -> None:
        self._forget = forget
        self._store = store
        self._cipher = PackCipher(key_ring)
        self._recordings = store.collection(RECORDINGS)
        self._chunks = store.collection(CHUNKS)
        self._bars = store.collection(BARS)
        self._reads = Batcher(self._read_all, max_items=MAX_READS, max_waiting=MAX_WAITING)

    @store_call
    async def put(self, packs: Sequence[ReceivedPack]) -> Sequence[ReceivedPack]:
        """Store packs; return those that are stored. A repeated call changes nothing.

        Raises Unavailable without an encryption key.
        """
        accepted = await self._without_barred(packs)
        # An earlier call for the same recordings may have ended between its write and its second check.
        await self._remove_stored([each for each in packs if each not in accepted])
        if not accepted:
            return ()
        documents = await asyncio.to_thread(self._seal, accepted, await now_ms(self._store))
        await insert_new(self._chunks, [chunk for _, chunks in documents for chunk in chunks])
        known = await insert_new(self._recordings, [document for document, _ in documents])
        unused = [chunk["_id"] for document, chunks in documents if document["_id"] in known for chunk in chunks]
        if unused:
            await self._chunks.delete_many({"_id": {"$in": unused}})
        stored = await self._without_barred(accepted)
        await self._remove_stored([each for each in accepted if each not in stored])  # deleted since
        return stored

    async def start(self) -> None:
        """Start reading recordings."""
        await self._reads.start()

    async def stop(self) -> None:
        """Finish waiting reads."""
        await self._reads.stop()

    @store_call
    async def read(self, workspace_id: str, workflow_id: str, run: str) -> bytes:
        """Return a Recording as JSON. Raises NotFound, Unavailable (it cannot be decrypted).

        Recordings that are requested concurrently are read together: replays of a workflow often share a pack.
        """
        answer = await self._reads.submit(_Wanted(workspace_id, workflow_id, run))
        if isinstance(answer, FlowportError):
            raise without_traceback(answer)
        return answer

    @store_call
    async def page(
        self, workspace_id: str, workflow_id: str, *, conversation_id: str | None, limit: int, cursor: str | None
    ) -> RecordingPage:
        """Return a workflow's recordings, newest first."""
        wanted: Document = {"workspace_id": workspace_id, "workflow_id": workflow_id}
        now = from_ms(await now_ms(self._store))
        if conversation_id is not None:
            wanted |= _of_conversation(conversation_id)
        if cursor is not None:
            wanted["position"] = {"$lt": cursor}
        found = []
        async with self._recordings.find(wanted, NO_CONTENT).sort("position", -1).batch_size(PACKS_AT_ONCE) as packs:
            async for document in packs:
                found += [
                    (position, summary)
                    for position, summary in summaries(document)
                    if document["expires_at"] > now
                    and (cursor is None or position < cursor)
                    and (conversation_id is None or summary.conversation_id == conversation_id)
                ]
                if len(found) > limit:
                    break
        next_cursor = found[limit - 1][0] if len(found) > limit else None
        return RecordingPage(tuple(summary for _, summary in found[:limit]), next_cursor)

    @store_call
    async def delete(self, workspace_id: str, request: DeleteRecordings, run: str | None) -> int:
        """Delete recordings, and bar late ones; return how many were deleted. Raises Unavailable."""
        owner: Document = {"workspace_id": workspace_id, "workflow_id": request.workflow_id}
        if request.bar_revision is not None:
            bar = {"$max": {"revision": request.bar_revision}, "$setOnInsert": owner}
            await self._bars.update_one({"_id": _bar(workspace_id, request.workflow_id)}, bar, upsert=True)
        forget = partial(self._forget, workspace_id, request.workflow_id)
        if run is not None:
            await forget([run])
            return await self._remove_run(owner, run)
        if request.conversation_id is None:
            await forget(None)
            deleted = (await self._recordings.delete_many(owner)).deleted_count
            await self._chunks.delete_many(owner)
            return deleted
        packs = await self._conversation_packs(owner, request.conversation_id)
        await forget([each for _, runs in packs for each in runs])
        return sum([await self._remove(pack_id, runs) for pack_id, runs in packs])

    def _seal(self, packs: Sequence[ReceivedPack], now: int) -> list[tuple[Document, list[Document]]]:
        """Return the documents of packs, and their chunks."""
        return [self._seal_pack(pack, now) for pack in packs]

    def _seal_pack(self, pack: ReceivedPack, now: int) -> tuple[Document, list[Document]]:
        workspace_id, workflow_id = pack.owner
        days = min(max(pack.record.days, 1), MAX_DAYS)
        owner: Document = {
            "workspace_id": workspace_id,
            "workflow_id": workflow_id,
            "expires_at": from_ms(now) + timedelta(days=days),
        }
        pack_id = pack_id_of(workspace_id, workflow_id, pack.runs)
        position = f"{now:015d}-{pack_id}"
        return self._cipher.seal(owner, pack.entries, pack.content, pack_id=pack_id, position=position)

    async def _read_all(self, wanted: Sequence[_Wanted]) -> Sequence[bytes | FlowportError]:
        by_workflow: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        for each in wanted:
            by_workflow[each.workspace_id, each.workflow_id].add(each.run)
        found: dict[_Wanted, bytes | FlowportError] = {}
        for owner, runs in by_workflow.items():
            of_owner = await self._read_of_workflow(*owner, runs)
            found |= {_Wanted(*owner, run): answer for run, answer in of_owner.items()}
        return [found.get(each, NotFound(MISSING)) for each in wanted]

    async def _read_of_workflow(
        self, workspace_id: str, workflow_id: str, runs: set[str]
    ) -> dict[str, bytes | FlowportError]:
        """Return the recordings of these runs that exist, or why they cannot be read."""
        owner: Document = {"workspace_id": workspace_id, "workflow_id": workflow_id}
        # The newest pack of each run: a caller may use an id again.
        packs = {
            entry.run: each["_id"]
            for each in await find_packs(self._recordings, owner, runs)
            for entry in entries_of(each)
        }
        found: dict[str, bytes | FlowportError] = {}
        for pack_id in {packs[run] for run in runs if run in packs}:
            in_pack = {run for run in runs if packs.get(run) == pack_id}
            try:
                found |= await self._read_pack(pack_id, in_pack)
            except Unavailable as error:
                found |= dict.fromkeys(in_pack, error)
        return found

    async def _read_pack(self, pack_id: str, runs: set[str]) -> dict[str, bytes]:
        """Return the recordings of these runs in a pack. Raises Unavailable (it cannot be decrypted)."""
        stages: list[Document] = [{"$match": {"_id": pack_id}}, add_server_time()]
        for pack in await (await self._recordings.aggregate(stages)).to_list():
            if pack["expires_at"].timestamp() * 1000 > pack["now_ms"]:
                content = await asyncio.to_thread(self._cipher.open, pack, await self._data(pack))
                return recordings_in(pack, content, runs)
        return {}  # deleted since, or expired

    async def _data(self, document: Document) -> bytes:
        """Return a pack's encrypted content."""
        if "data" in document:
            return bytes(document["data"])
        content_id = content_id_of(document)
        chunks = {each["_id"]: each["data"] async for each in self._chunks.find({"run": content_id})}
        return b"".join(chunks.get(f"{content_id}#{number}", b"") for number in range(len(chunks)))

    async def _remove_run(self, owner: Document, run: str) -> int:
        packs = await find_packs(self._recordings, owner, {run})
        return sum([await self._remove(each["_id"], {run}) for each in packs])

    async def _conversation_packs(self, owner: Document, conversation_id: str) -> list[tuple[str, set[str]]]:
        """Return the packs with recordings of a conversation, each with the runs of these recordings."""
        packs = await self._recordings.find({**owner, **_of_conversation(conversation_id)}, NO_CONTENT).to_list()
        return [
            (
                document["_id"],
                {each.run for each in entries_of(document) if each.summary.conversation_id == conversation_id},
            )
            for document in packs
        ]

    async def _remove_stored(self, packs: Iterable[ReceivedPack]) -> None:
        """Remove stored recordings of these runs from their packs."""
        for pack in packs:
            workspace_id, workflow_id = pack.owner
            owner: Document = {"workspace_id": workspace_id, "workflow_id": workflow_id}
            for found in await find_packs(self._recordings, owner, pack.runs):
                await self._remove(found["_id"], pack.runs)

    async def _remove(self, pack_id: str, runs: Collection[str]) -> int:
        """Remove recordings from a pack; return how many. The others get a new key."""
        return await retry_on_conflict(partial(self._try_remove, pack_id, runs), conflict=CHANGED)

    async def _try_remove(self, pack_id: str, runs: Collection[str]) -> int | None:
        """Return the number of removed recordings; None if the pack has changed."""
        found = await self._recordings.find_one({"_id": pack_id})
        if found is None:
            return 0
        entries = entries_of(found)
        left = {each.run for each in entries if each.run not in runs}
        unchanged = {"_id": pack_id, f"{KEY}.nonce": found[KEY]["nonce"]}
        if len(left) == len(entries):
            return 0
        if not left:
            is_done = (await self._recordings.delete_one(unchanged)).deleted_count == 1
        else:
            document, chunks = await asyncio.to_thread(self._seal_rest, found, await self._data(found), left)
            await insert_new(self._chunks, chunks)
            is_done = (await self._recordings.replace_one(unchanged, document)).matched_count == 1
            if not is_done:
                await self._chunks.delete_many({"_id": {"$in": [each["_id"] for each in chunks]}})
        if not is_done:
            return None
        await self._chunks.delete_many({"run": content_id_of(found)})
        return len(entries) - len(left)

    def _seal_rest(self, found: Document, data: bytes, runs: Collection[str]) -> tuple[Document, list[Document]]:
        """Return a pack with only the recordings of these runs."""
        entries, content = part_of(found, self._cipher.open(found, data), runs)
        owner = {name: found[name] for name in ("workspace_id", "workflow_id", "expires_at")}
        return self._cipher.seal(owner, entries, content, pack_id=found["_id"], position=found["position"])

    async def _without_barred(self, packs: Sequence[ReceivedPack]) -> list[ReceivedPack]:
        """Return the packs of runs that began after the last deletion."""
        ids = list({_bar(*pack.owner) for pack in packs})
        bars = {each["_id"]: each["revision"] async for each in self._bars.find({"_id": {"$in": ids}})}
        return [pack for pack in packs if pack.record.revision > bars.get(_bar(*pack.owner), -1)]


def sealed_keys(store: Store) -> SealedDocuments:
    """Return the keys of recordings, for key rotation."""
    return SealedDocuments(
        store.collection(RECORDINGS), KEY, lambda each: (each["workspace_id"], key_name(each["_id"]))
    )


def _of_conversation(conversation_id: str) -> Document:
    return {"$or": [{"conversations": conversation_id}, {"conversation_id": conversation_id}]}


def _bar(workspace_id: str, workflow_id: str) -> str:
    return f"{workspace_id}/{workflow_id}"


class StoredRecording(NamedTuple):
    """A recording of the run with this key."""

    run: str
    expires_at: datetime
    is_cut: bool


class RecordingSelection:
    """Finds the recordings that are stored."""

    def __init__(self, store: Store) -> None:
        self._packs = store.collection(RECORDINGS)

    async def of_runs(self, runs: Sequence[str], owner: Document) -> dict[str, StoredRecording]:
        """Return the recordings of these runs of a workflow, by run."""
        chosen = set(runs)
        packs = await find_packs(self._packs, owner, chosen)
        return {each.run: each for pack in packs for each in _recordings(pack) if each.run in chosen}

    async def newest(self, limit: int, owner: Document, now: datetime) -> list[StoredRecording]:
        """Return the newest whole recordings of a workflow that have not expired."""
        found: list[StoredRecording] = []
        async with self._packs.find(owner, NO_CONTENT).sort("position", -1).batch_size(PACKS_AT_ONCE) as packs:
            async for pack in packs:
                found += [each for each in _recordings(pack) if not each.is_cut and each.expires_at > now]
                if len(found) >= limit:
                    break
        return found[:limit]


def _recordings(pack: Document) -> list[StoredRecording]:
    """Return the recordings of a pack, newest first."""
    return [
        StoredRecording(entry.run, pack["expires_at"], entry.summary.is_cut) for entry in reversed(entries_of(pack))
    ]
