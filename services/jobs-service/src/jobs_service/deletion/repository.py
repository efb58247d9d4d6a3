"""Deletes the data of a workflow or a workspace, a bounded number of documents at a time.

A run is deleted after everything that only it refers to, so that an interrupted deletion can resume.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Final

from jobs_service.cancels.repository import CANCELS
from jobs_service.conversations.repository import CONVERSATIONS
from jobs_service.dead_letters.repository import LETTERS
from jobs_service.deletion.ports import OpenRun
from jobs_service.deletion.run_traces import contents_of, files_in, files_in_parts, values_of
from jobs_service.events.repository import EVENTS
from jobs_service.journal.repository import JOURNAL
from jobs_service.payloads.repository import MongoBlobs
from jobs_service.runs.documents import CHARGE, RUNS, STATE_ONLY, UNBOOKED, UNCHARGED
from jobs_service.runs.run import Phase
from jobs_service.spend.charges import MongoCharges
from jobs_service.spend.repository import SPEND
from jobs_service.statistics.repository import TALLIES
from jobs_service.store.timestamps import now_ms
from jobs_service.webhooks.repository import DELIVERIES
from jobs_service.webhooks.secret_repository import CALLBACK_SECRETS
from jobs_service.webhooks.subscription_repository import SUBSCRIPTIONS
from shared.contracts.dead_letters import DeadLetterKind
from shared.contracts.erasure import Erase, Erased
from shared.store.client import Store
from shared.store.documents import Collection, Document
from shared.store.errors import store_call
from shared.store.pagination import Filters, Page, ResultPage, list_documents

_OVER: Final = [phase.value for phase in Phase if phase.is_terminal or phase is Phase.RESERVED]
_UNDER_WAY: Final = [phase.value for phase in Phase if phase.value not in _OVER]
_NOTED: Final = {UNBOOKED: {"$exists": False}, UNCHARGED: {"$exists": False}}
"""Counted in capacity and spend: deleting it earlier would make both wrong permanently.

Likewise runs that charges book.
"""
_NOTHING: Final[Document] = {}
_RUNS_AT_ONCE: Final = 50
"""Each may hold megabytes."""


class MongoErasure:
    """Implements Erasure."""

    def __init__(self, store: Store, blobs: MongoBlobs) -> None:
        self._store = store
        self._runs = store.collection(RUNS)
        self._blobs = blobs
        self._charges = MongoCharges(store)

    @store_call
    async def open_runs(self, asked: Erase, limit: int) -> Sequence[OpenRun]:
        """See Erasure."""
        under_way = {"phase": {"$in": _UNDER_WAY}, **_owner(asked)}
        found = await self._runs.find(under_way, {"workflow_id": 1}).limit(limit).to_list()
        return [OpenRun(each["_id"], each["workflow_id"]) for each in found]

    @store_call
    async def erase(self, asked: Erase, limit: int) -> Erased:
        """See Erasure."""
        await self._blobs.discard(asked.workspace_id, asked.blob_ids)
        counts = [await self._erase_runs(asked), await self._erase_letters(asked, limit)]
        parts = {DELIVERIES: _owner(asked), CANCELS: _owner(asked), TALLIES: _owner(asked)}
        if asked.workflow_id is None:
            parts |= _of_workspace(asked.workspace_id)
            counts.append(await self._blobs.discard_all(asked.workspace_id, limit))
        for name, wanted in parts.items():
            counts.append(await self._delete_some(name, wanted, limit))
        left, after = await self._some(asked, 1, hidden=STATE_ONLY)
        return Erased(sum(counts), has_more=bool(left) or after is not None or max(counts) >= limit)

    async def _erase_runs(self, asked: Erase) -> int:
        over, _ = await self._some(asked, _RUNS_AT_ONCE, {"phase": {"$in": _OVER}}, _NOTED)
        found = await self._booked(over)
        if not found:
            return 0
        ids = [document["_id"] for document in found]
        await self._blobs.discard(asked.workspace_id, await self._traces(asked.workspace_id, found))
        for name in (JOURNAL, EVENTS):
            await self._store.collection(name).delete_many({"run_id": {"$in": ids}})
        return await self._delete(RUNS, ids)

    async def _some(self, asked: Erase, limit: int, *only: Document, hidden: Document = _NOTHING) -> ResultPage:
        """Return runs, and the position behind which more may follow. Unlisted runs come last."""
        page = Page(limit=limit)
        now = await now_ms(self._store)
        filters = Filters(others=only)
        found, after = await list_documents(
            self._store, self._runs, _owner(asked), filters, page, hidden=hidden, now_ms=now
        )
        if found or after is not None:
            return found, after
        wanted = dict(chain.from_iterable(each.items() for each in (_owner(asked), *only)))
        return await self._runs.find(wanted, hidden or None).limit(limit).to_list(), None

    async def _booked(self, runs: Sequence[Document]) -> Sequence[Document]:
        unbooked = await self._charges.still_open({run[CHARGE] for run in runs if CHARGE in run})
        return [run for run in runs if run.get(CHARGE) not in unbooked]

    async def _traces(self, workspace_id: str, runs: Iterable[Document]) -> set[str]:
        named: set[str] = set()
        for document in runs:
            workflow_id = document.get("workflow_id", "")
            values = values_of(document)
            named |= {*values, *files_in(contents_of(document), workflow_id)}
            for blob_id in values:
                named |= await files_in_parts(self._blobs.content(workspace_id, blob_id), workflow_id)
        return named

    async def _erase_letters(self, asked: Erase, limit: int) -> int:
        """Delete dead letters. A batch of records covers many runs: it is deleted if any of them must be."""
        if asked.workflow_id is None:
            return await self._delete_some(LETTERS, {"workspace_ids": asked.workspace_id}, limit)
        mine = {"workspace_ids": asked.workspace_id, "workflow_id": asked.workflow_id}
        gone = await self._delete_some(LETTERS, mine, limit)
        batches = {"workspace_ids": asked.workspace_id, "kind": DeadLetterKind.RECORDS.value}
        name = asked.workflow_id.encode()
        ids = [each["_id"] async for each in self._store.collection(LETTERS).find(batches) if name in each["body"]]
        return gone + await self._delete(LETTERS, ids)

    async def _delete_some(self, name: str, wanted: Mapping[str, Any], limit: int) -> int:
        found = await self._collection(name).find(wanted, {"_id": 1}).limit(limit).to_list()
        return await self._delete(name, [each["_id"] for each in found])

    async def _delete(self, name: str, ids: Sequence[str]) -> int:
        return (await self._collection(name).delete_many({"_id": {"$in": list(ids)}})).deleted_count if ids else 0

    def _collection(self, name: str) -> Collection:
        return self._store.collection(name)


def _owner(asked: Erase) -> Document:
    owner: Document = {"workspace_id": asked.workspace_id}
    return owner if asked.workflow_id is None else {**owner, "workflow_id": asked.workflow_id}


def _of_workspace(workspace_id: str) -> dict[str, Document]:
    """Return filters for data of a workspace but of no workflow."""
    return {
        CONVERSATIONS: {"workspace_id": workspace_id},
        SUBSCRIPTIONS: {"workspace_id": workspace_id},
        CALLBACK_SECRETS: {"_id": workspace_id},
        SPEND: {"_id": {"$gt": f"{workspace_id}/", "$lt": f"{workspace_id}0"}},
    }
