"""The queue: runs join it and are marked as dispatched in the same transactions that keep the books."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from jobs_service.adapters.books import OVERALL, Books, corrected, departed_overall, joined, moved
from jobs_service.adapters.failures import store_call
from jobs_service.adapters.moments import from_ms, to_ms
from jobs_service.adapters.mongo_leases import confirm
from jobs_service.adapters.recounting import count_queued, wrong_books
from jobs_service.adapters.run_documents import RUNS, encode_spec, new_document
from jobs_service.adapters.transactions import Session, transact
from jobs_service.domain.capacity import Admission, Ledger, QueueLimits
from jobs_service.domain.run import Phase, Run
from jobs_service.ports import (
    ActiveRun,
    Dispatch,
    Leadership,
    QueueState,
    WaitingRun,
)
from shared.contracts.jobs import AcceptRun, RunAccepted
from shared.errors import FlowportError, RunIdTaken
from shared.ids import new_job_id
from shared.store.client import Document, Store

ACTIVE: Final = [Phase.DISPATCHED.value, Phase.PROCESSING.value, Phase.REQUEUED.value]
DISPATCHABLE: Final = [Phase.WAITING.value, Phase.REQUEUED.value, Phase.DISPATCHED.value]
_ACTIVE_FIELDS: Final = dict.fromkeys(("workspace_id", "phase", "attempt", "dispatched_ms", "dispatches"), 1)

Answer = RunAccepted | FlowportError


class MongoQueue:
    """Implements Queue."""

    def __init__(self, store: Store, books: Books) -> None:
        self._store = store
        self._runs = store.collection(RUNS)
        self._books = books

    @store_call
    async def accept(self, requests: Sequence[AcceptRun], limits: QueueLimits) -> Sequence[Answer]:
        """See Queue."""
        answers: dict[int, Answer] = _repeated(requests)
        while open_ := {n: request for n, request in enumerate(requests) if n not in answers}:
            try:
                async with self._books.lock:
                    answers |= await transact(self._store, partial(self._admit, open_, limits))
            except BulkWriteError:
                taken = await self._taken(open_)
                if not taken:
                    raise
                answers |= taken
        return [answers[n] for n in range(len(requests))]

    @store_call
    async def state(self) -> QueueState:
        """See Queue."""
        books = await self._books.in_use()
        found = await self._runs.find({"phase": {"$in": ACTIVE}}, _ACTIVE_FIELDS).to_list()
        active = [_to_active(document) for document in found]
        return QueueState(books.now, books.ledgers, books.overall, active)

    @store_call
    async def waiting(self, workspace_id: str, limit: int) -> Sequence[WaitingRun]:
        """See Queue."""
        query = {"phase": Phase.WAITING.value, "workspace_id": workspace_id}
        found = await self._runs.find(query, {"created_ms": 1}).sort("position", 1).limit(limit).to_list()
        return [WaitingRun(each["_id"], workspace_id, from_ms(each["created_ms"])) for each in found]

    @store_call
    async def dispatch(self, dispatch: Dispatch, leadership: Leadership) -> frozenset[str]:
        """See Queue."""
        async with self._books.lock:
            return await transact(self._store, partial(self._dispatch, dispatch, leadership))

    async def _admit(
        self, requests: Mapping[int, AcceptRun], limits: QueueLimits, session: Session
    ) -> dict[int, Answer]:
        workspaces = {request.run.snapshot.workspace_id: request for request in requests.values()}
        books = await self._books.of(workspaces, session)
        admission = Admission(limits, books.ledgers, books.overall, books.now)
        answers: dict[int, Answer] = {}
        documents: list[Document] = []
        for n, request in requests.items():
            refusal = admission.refusal_of(request.run.snapshot.workspace_id)
            if refusal is not None:
                answers[n] = refusal
                continue
            accepted = RunAccepted(request.run.run_id, new_job_id(), books.now)
            documents.append(_accepted_document(request, accepted, order=len(documents)))
            answers[n] = accepted
        if documents:
            updates = [
                joined(workspace_id, count, workspaces[workspace_id].concurrency_limit)
                for workspace_id, count in admission.taken.items()
            ]
            await self._books.write([*updates, joined(OVERALL, admission.total)], session)
            await self._runs.insert_many(documents, session=session)
        return answers

    @store_call
    async def recount(self, leadership: Leadership) -> int:
        """See Queue."""
        if not wrong_books(await self._books.in_use(), await count_queued(self._runs)):
            return 0
        async with self._books.lock:
            return await transact(self._store, partial(self._recount, leadership))

    async def _recount(self, leadership: Leadership, session: Session) -> int:
        await confirm(self._store, leadership, session)
        wrong = wrong_books(await self._books.in_use(session), await count_queued(self._runs, session))
        if wrong:
            updates = [
                corrected(each.name, queued=each.found.queued, dispatched=each.found.dispatched) for each in wrong
            ]
            await self._books.write(updates, session)
        return sum(abs(each.said.queued - each.found.queued) for each in wrong)

    async def _taken(self, requests: Mapping[int, AcceptRun]) -> dict[int, Answer]:
        ids = [request.run.run_id for request in requests.values()]
        stored = {each["_id"] for each in await self._runs.find({"_id": {"$in": ids}}, {"_id": 1}).to_list()}
        return {n: id_taken(request.run.run_id) for n, request in requests.items() if request.run.run_id in stored}

    async def _dispatch(self, dispatch: Dispatch, leadership: Leadership, session: Session) -> frozenset[str]:
        await confirm(self._store, leadership, session)
        marked = await self._mark(dispatch, session)
        fresh = Counter(run.workspace_id for run in dispatch.fresh if run.run_id in marked)
        touched = {*fresh, *dispatch.departed}
        if touched:
            await self._books.write(await self._bookings(dispatch, fresh, touched, session), session)
        return marked

    async def _bookings(
        self, dispatch: Dispatch, fresh: Mapping[str, int], touched: set[str], session: Session
    ) -> list[UpdateOne]:
        books = await self._books.of(touched, session)
        updates = [
            moved(
                workspace_id,
                books.ledgers.get(workspace_id, Ledger()),
                dispatched=fresh.get(workspace_id, 0),
                departed=dispatch.departed.get(workspace_id, 0),
                now=dispatch.now,
            )
            for workspace_id in sorted(touched)
        ]
        departed = sum(dispatch.departed.values())
        if departed:
            updates.append(departed_overall(books.overall, departed, dispatch.now))
        return updates

    async def _mark(self, dispatch: Dispatch, session: Session) -> frozenset[str]:
        ids = [run.run_id for run in (*dispatch.fresh, *dispatch.again)]
        if not ids:
            return frozenset()
        fields = {
            "phase": Phase.DISPATCHED.value,
            "dispatch_id": dispatch.id,
            "dispatched_ms": to_ms(dispatch.now),
        }
        update = {"$set": fields, "$inc": {"dispatches": 1, "revision": 1}}
        query = {"_id": {"$in": ids}, "phase": {"$in": DISPATCHABLE}}
        if (await self._runs.update_many(query, update, session=session)).modified_count == len(ids):
            return frozenset(ids)
        marked = {"_id": {"$in": ids}, "dispatch_id": dispatch.id}
        found = await self._runs.find(marked, {"_id": 1}, session=session).to_list()
        return frozenset(each["_id"] for each in found)


def id_taken(run_id: str) -> RunIdTaken:
    """The refusal of an id that was used before."""
    return RunIdTaken(f"run id {run_id} has been used")


def _repeated(requests: Sequence[AcceptRun]) -> dict[int, Answer]:
    seen: set[str] = set()
    refused: dict[int, Answer] = {}
    for n, request in enumerate(requests):
        if request.run.run_id in seen:
            refused[n] = id_taken(request.run.run_id)
        seen.add(request.run.run_id)
    return refused


def _accepted_document(request: AcceptRun, accepted: RunAccepted, *, order: int) -> Document:
    spec = request.run
    run = Run(
        id=spec.run_id,
        workspace_id=spec.snapshot.workspace_id,
        workflow_id=spec.snapshot.workflow_id,
        phase=Phase.WAITING,
        time_limit_ms=spec.time_limit_ms,
        limit_text_ms=spec.time_limit_text_ms or spec.time_limit_ms,
        created_at=accepted.created_at,
    )
    durable = {"job_id": accepted.job_id, "spec": encode_spec(spec), "dispatches": 0}
    return new_document(run, spec, order=order) | durable


def _to_active(document: dict[str, Any]) -> ActiveRun:
    dispatched_ms = document.get("dispatched_ms")
    return ActiveRun(
        run_id=document["_id"],
        workspace_id=document["workspace_id"],
        is_dispatched=document["phase"] == Phase.DISPATCHED.value,
        is_requeued=document["phase"] == Phase.REQUEUED.value,
        has_begun=document["attempt"] > 0,
        dispatched_at=None if dispatched_ms is None else from_ms(dispatched_ms),
        dispatches=document.get("dispatches", 0),
    )
