"""Permanent deletion of a workflow's or a workspace's data."""

import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Any, Final, Protocol

from fastapi import APIRouter, Depends
from starlette.responses import Response

from jobs_service.cancels import CANCELS, CancelService
from jobs_service.conversations import CONVERSATIONS
from jobs_service.dead_letters.repository import LETTERS
from jobs_service.events import STORED_EVENTS as EVENTS
from jobs_service.journal import JOURNAL
from jobs_service.payloads import MongoBlobs
from jobs_service.recordings.repository import BARS, CHUNKS, RECORDINGS
from jobs_service.replay_sets.documents import REPLAY_SETS, REPLAYED_RUNS
from jobs_service.runs.documents import CHARGE, INPUT_BLOB, RUNS, STATE_ONLY, UNCHARGED, UNSETTLED, decode_spec
from jobs_service.runs.run import Phase
from jobs_service.search.index import SEGMENTS
from jobs_service.spend import SPEND, MongoCharges, SpendRepository
from jobs_service.statistics.repository import INTERVALS, RUN_COUNTS
from jobs_service.store import now_ms
from jobs_service.webhooks.repository import DELIVERIES
from jobs_service.webhooks.subscriptions import CALLBACK_SECRETS, SUBSCRIPTIONS
from shared.contracts.dead_letters import DeadLetterKind
from shared.contracts.erasure import Erase, Erased
from shared.contracts.files import CONTEXT, ID_PREFIX
from shared.contracts.jobs import RecordCancel
from shared.errors import Conflict, NotFound
from shared.service import ServiceName
from shared.store.client import Collection, Document, Store, store_call
from shared.store.pagination import Filters, Page, ResultPage, list_documents
from shared.store.payloads import LOGGED
from shared.web.internal_auth import ServiceTokens, only
from shared.web.struct_bodies import StructResponse, struct_body

VALUES: Final = ("output", "blocks", "state")
LONGEST_KEY: Final = 4096
"""Maximum bytes of a file's key up to its id."""
_FILE_ID: Final = ID_PREFIX.encode() + rb"[0-9a-f-]{36}(?:[0-9a-f]{32})?"


def values_of(document: Document) -> list[str]:
    """Return the blobs that hold values of this run."""
    kept = [value["blob_id"] for value in _values(document)]
    return [blob_id for blob_id in (*kept, *_given(document)) if blob_id is not None]


def files_in(content: bytes, workflow_id: str) -> set[str]:
    """Return the blobs of this workflow's run files that JSON names."""
    key = re.compile(rb"%b/[^/\"]+/%b/[^/\"]+/(%b)" % (CONTEXT.encode(), re.escape(workflow_id.encode()), _FILE_ID))
    return {match.decode() for match in key.findall(content)}


async def files_in_parts(parts: AsyncIterator[bytes], workflow_id: str) -> set[str]:
    """As `files_in`, for JSON in parts."""
    found: set[str] = set()
    before = b""
    async for part in parts:
        content = before + part
        found |= files_in(content, workflow_id)
        before = content[-LONGEST_KEY:]
    return found


def contents_of(document: Document) -> bytes:
    """Return all JSON in the document itself."""
    inline = [value["inline"] for value in _values(document)]
    return b"\n".join([document.get("spec", b""), *inline])


def _values(document: Document) -> Iterator[Document]:
    for name in VALUES:
        if name in document:
            yield document[name]
            if LOGGED in document[name]:
                yield document[name][LOGGED]


def _given(document: Document) -> Iterator[str | None]:
    yield document.get(INPUT_BLOB)
    if "spec" in document:
        spec = decode_spec(document["spec"])
        yield spec.run_from.outputs.blob_id if spec.run_from is not None else None


_ENDED_PHASES: Final = [phase.value for phase in Phase if phase.is_terminal or phase is Phase.RESERVED]
_OPEN_PHASES: Final = [phase.value for phase in Phase if phase.value not in _ENDED_PHASES]
_SETTLED: Final = {UNSETTLED: {"$exists": False}, UNCHARGED: {"$exists": False}}
"""Counted in capacity and spend: deleting it earlier would make both wrong permanently.

Likewise runs that charges book.
"""
_NO_FIELDS: Final[Document] = {}
_RUNS_AT_ONCE: Final = 50
"""Each may hold megabytes."""


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run that has not ended."""

    run_id: str
    workflow_id: str


class MongoDeletion:
    """Permanent deletion."""

    def __init__(self, store: Store, blobs: MongoBlobs) -> None:
        self._store = store
        self._runs = store.collection(RUNS)
        self._blobs = blobs
        self._charges = MongoCharges(store)

    @store_call
    async def open_runs(self, request: Erase, limit: int) -> Sequence[OpenRun]:
        """Return up to `limit` runs that have not ended."""
        wanted = {"phase": {"$in": _OPEN_PHASES}, **_owner(request)}
        found = await self._runs.find(wanted, {"workflow_id": 1}).limit(limit).to_list()
        return [OpenRun(each["_id"], each["workflow_id"]) for each in found]

    @store_call
    async def erase(self, request: Erase, limit: int) -> Erased:
        """Delete ended runs with all their data, then the rest; up to `limit` documents of a kind.

        Runs that are not yet counted or booked stay for the next call.
        """
        await self._blobs.discard(request.workspace_id, request.blob_ids)
        counts = [await self._erase_runs(request), await self._erase_letters(request, limit)]
        owned = (
            DELIVERIES,
            CANCELS,
            RUN_COUNTS,
            INTERVALS,
            SEGMENTS,
            RECORDINGS,
            CHUNKS,
            BARS,
            REPLAY_SETS,
            REPLAYED_RUNS,
        )
        parts = {name: _owner(request) for name in owned}
        if request.workflow_id is None:
            parts |= _of_workspace(request.workspace_id)
            counts.append(await self._blobs.discard_all(request.workspace_id, limit))
        for name, wanted in parts.items():
            counts.append(await self._delete_some(name, wanted, limit))
        left, after = await self._find_runs(request, 1, hidden=STATE_ONLY)
        return Erased(sum(counts), has_more=bool(left) or after is not None or max(counts) >= limit)

    async def _erase_runs(self, request: Erase) -> int:
        ended, _ = await self._find_runs(request, _RUNS_AT_ONCE, {"phase": {"$in": _ENDED_PHASES}}, _SETTLED)
        found = await self._booked(ended)
        if not found:
            return 0
        ids = [document["_id"] for document in found]
        await self._blobs.discard(request.workspace_id, await self._blob_ids(request.workspace_id, found))
        for name in (JOURNAL, EVENTS):
            await self._store.collection(name).delete_many({"run_id": {"$in": ids}})
        return await self._delete(RUNS, ids)

    async def _find_runs(
        self, request: Erase, limit: int, *only: Document, hidden: Document = _NO_FIELDS
    ) -> ResultPage:
        """Return runs, and the position behind which more may follow. Unlisted runs come last."""
        page = Page(limit=limit)
        now = await now_ms(self._store)
        filters = Filters(others=only)
        found, after = await list_documents(
            self._store, self._runs, _owner(request), filters, page, hidden=hidden, now_ms=now
        )
        if found or after is not None:
            return found, after
        wanted = dict(chain.from_iterable(each.items() for each in (_owner(request), *only)))
        return await self._runs.find(wanted, hidden or None).limit(limit).to_list(), None

    async def _booked(self, runs: Sequence[Document]) -> Sequence[Document]:
        unbooked = await self._charges.still_open({run[CHARGE] for run in runs if CHARGE in run})
        return [run for run in runs if run.get(CHARGE) not in unbooked]

    async def _blob_ids(self, workspace_id: str, runs: Iterable[Document]) -> set[str]:
        named: set[str] = set()
        for document in runs:
            workflow_id = document.get("workflow_id", "")
            values = values_of(document)
            named |= {*values, *files_in(contents_of(document), workflow_id)}
            for blob_id in values:
                named |= await files_in_parts(self._blobs.content(workspace_id, blob_id), workflow_id)
        return named

    async def _erase_letters(self, request: Erase, limit: int) -> int:
        """Delete dead letters. A batch of records covers many runs: it is deleted if any of them must be."""
        if request.workflow_id is None:
            return await self._delete_some(LETTERS, {"workspace_ids": request.workspace_id}, limit)
        query = {"workspace_ids": request.workspace_id, "workflow_id": request.workflow_id}
        deleted = await self._delete_some(LETTERS, query, limit)
        batches = {"workspace_ids": request.workspace_id, "kind": DeadLetterKind.RECORDS.value}
        name = request.workflow_id.encode()
        ids = [each["_id"] async for each in self._store.collection(LETTERS).find(batches) if name in each["body"]]
        return deleted + await self._delete(LETTERS, ids)

    async def _delete_some(self, name: str, wanted: Mapping[str, Any], limit: int) -> int:
        found = await self._collection(name).find(wanted, {"_id": 1}).limit(limit).to_list()
        return await self._delete(name, [each["_id"] for each in found])

    async def _delete(self, name: str, ids: Sequence[str]) -> int:
        return (await self._collection(name).delete_many({"_id": {"$in": list(ids)}})).deleted_count if ids else 0

    def _collection(self, name: str) -> Collection:
        return self._store.collection(name)


def _owner(request: Erase) -> Document:
    owner: Document = {"workspace_id": request.workspace_id}
    return owner if request.workflow_id is None else {**owner, "workflow_id": request.workflow_id}


def _of_workspace(workspace_id: str) -> dict[str, Document]:
    """Return filters for data of a workspace but of no workflow."""
    return {
        CONVERSATIONS: {"workspace_id": workspace_id},
        SUBSCRIPTIONS: {"workspace_id": workspace_id},
        CALLBACK_SECRETS: {"_id": workspace_id},
        SPEND: {"_id": {"$gt": f"{workspace_id}/", "$lt": f"{workspace_id}0"}},
    }


AT_ONCE: Final = 200


class Collector(Protocol):
    """Collects data of runs and stores it later."""

    async def step(self) -> None:
        """Store the collected data. Raises Unavailable."""


class DeletionService:
    """Permanent deletion in bounded steps. A run ends before it is deleted: then no worker writes to it."""

    def __init__(
        self,
        repository: MongoDeletion,
        cancels: CancelService,
        spend: SpendRepository,
        collectors: Sequence[Collector],
    ) -> None:
        self._repository = repository
        self._cancels = cancels
        self._spend = spend
        self._collectors = collectors

    async def erase(self, request: Erase) -> Erased:
        """Stop active runs, then delete some ended ones. Raises Unavailable."""
        for run in await self._repository.open_runs(request, AT_ONCE):
            with suppress(NotFound, Conflict):
                await self._cancels.cancel(run.run_id, RecordCancel(request.workspace_id, run.workflow_id))
        await self._spend.collect(AT_ONCE)
        for collector in self._collectors:
            await collector.step()
        return await self._repository.erase(request, AT_ONCE)


def deletion_router(deletion: DeletionService, tokens: ServiceTokens) -> APIRouter:
    """Return `/internal/erasures`, which the gateway repeats until nothing is left."""
    router = APIRouter(prefix="/internal/erasures", dependencies=[Depends(only(tokens, ServiceName.GATEWAY))])

    @router.post("")
    async def erase(request: Annotated[Erase, Depends(struct_body(Erase))]) -> Response:
        return StructResponse(await deletion.erase(request))

    return router
