"""How a batch of runs joins the queue, though it is killed between any two steps.

An offer is written with the places it takes and the runs it is about; then the workspaces' places are taken, then the
runs are stored. Only the end of the offer makes them accepted. An offer that has no end is withdrawn by the
dispatcher, its waiting runs with it; a batch whose offer was withdrawn is answered as a failure.
"""

import asyncio
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from jobs_service.adapters.books import Books, OpenBooks
from jobs_service.adapters.inserting import insert_new
from jobs_service.adapters.run_documents import RUNS, TELLS, new_document, spec_fields
from jobs_service.domain.capacity import Admission, Ledger, Offer, QueueLimits
from jobs_service.domain.run import Phase, Undecided, id_taken, run_of
from shared.contracts.jobs import AcceptRun, RunAccepted
from shared.errors import FlowportError, Unavailable
from shared.ids import new_id, new_job_id
from shared.store.client import Store
from shared.store.documents import Document

TRIES: Final = 10
Answer = RunAccepted | FlowportError


@dataclass(slots=True)
class _Batch:
    """The requests of one call by their numbers, and what has been answered so far."""

    requests: Mapping[int, AcceptRun]
    answers: dict[int, Answer]

    def open(self) -> list[int]:
        """What has no answer yet."""
        return [n for n in self.requests if n not in self.answers]

    def workspace_of(self, n: int) -> str:
        """Whose request it is."""
        return self.requests[n].run.snapshot.workspace_id


class Intake:
    """Takes batches of runs into the queue."""

    def __init__(self, store: Store, books: Books) -> None:
        self._runs = store.collection(RUNS)
        self._books = books

    async def accept(self, requests: Sequence[AcceptRun], limits: QueueLimits) -> Sequence[Answer]:
        """Store those that there is room for, in order; the others' answers say why not."""
        batch = _Batch(dict(enumerate(requests)), _repeated(requests))
        for _ in range(TRIES):
            books, offer = await self._decide(batch, limits)
            if offer is None:
                break
            if await self._books.offer(offer, limits.overall):
                await self._fill(batch, offer, books, limits)
                break
        else:
            raise Unavailable("too many try to join the queue at once")
        return [batch.answers[n] for n in range(len(requests))]

    async def _decide(self, batch: _Batch, limits: QueueLimits) -> tuple[OpenBooks, Offer | None]:
        """Refuse what finds no room; the offer is for the rest."""
        wanting = batch.open()
        books = await self._books.of({batch.workspace_of(n) for n in wanting})
        admission = Admission(limits, books.ledgers, books.overall, books.now)
        admitted = []
        for n in wanting:
            refusal = admission.refusal_of(batch.workspace_of(n))
            if refusal is None:
                admitted.append(n)
            else:
                batch.answers[n] = refusal
        ids = [batch.requests[n].run.run_id for n in admitted]
        return books, Offer(new_id(), books.now, admission.taken, ids) if admitted else None

    async def _fill(self, batch: _Batch, offer: Offer, books: OpenBooks, limits: QueueLimits) -> None:
        placed = await self._place(batch, offer, books, limits)
        accepted = {n: RunAccepted(batch.requests[n].run.run_id, new_job_id(), books.now) for n in placed}
        documents = [accepted_document(batch.requests[n], accepted[n], offer, order) for order, n in enumerate(placed)]
        taken = await self._insert(documents, offer)
        duplicates = {n: refusal for n in placed if (refusal := taken.get(accepted[n].run_id)) is not None}
        await self._books.give_back(Counter(batch.workspace_of(n) for n in duplicates))
        if not await self._books.confirm(offer.id, unused=offer.total - len(placed) + len(duplicates)):
            raise Unavailable("the run could not be stored in time")
        batch.answers |= accepted
        batch.answers |= duplicates

    async def _place(self, batch: _Batch, offer: Offer, books: OpenBooks, limits: QueueLimits) -> list[int]:
        """Take the workspaces' places; whoever finds none after all, since another process was faster, is refused."""
        wanting = batch.open()
        by_workspace = {name: [n for n in wanting if batch.workspace_of(n) == name] for name in offer.places}
        granted = await asyncio.gather(
            *(self._take(batch.requests[ns[-1]], len(ns), limits.per_workspace) for ns in by_workspace.values())
        )
        placed: list[int] = []
        for (name, ns), count in zip(by_workspace.items(), granted, strict=True):
            placed += ns[:count]
            full = Admission(limits, {name: Ledger(queued=limits.per_workspace)}, books.overall, books.now)
            batch.answers |= {n: refusal for n in ns[count:] if (refusal := full.refusal_of(name)) is not None}
        return sorted(placed)

    async def _take(self, request: AcceptRun, count: int, limit: int) -> int:
        workspace_id = request.run.snapshot.workspace_id
        while count > 0 and not await self._books.take(workspace_id, count, limit, request.concurrency_limit):
            ledgers = (await self._books.of([workspace_id])).ledgers
            count = min(count, limit - ledgers[workspace_id].queued)
        return max(0, count)

    async def _insert(self, documents: Sequence[Document], offer: Offer) -> Mapping[str, FlowportError]:
        """Store the runs; why not, for those whose ids were taken, by others than this very offer."""
        taken = await insert_new(self._runs, documents)
        if not taken:
            return {}
        # Before the runs: one that is there when its offer has ended was accepted.
        open_ = {each.id for each in (await self._books.of(())).offers}
        found = await self._runs.find({"_id": {"$in": list(taken)}}, {"offer_id": 1, "phase": 1}).to_list()
        stored = {each["_id"]: each for each in found}
        refusals = {run_id: _refusal(run_id, stored.get(run_id), offer, open_) for run_id in taken}
        return {run_id: refusal for run_id, refusal in refusals.items() if refusal is not None}


def accepted_document(request: AcceptRun, accepted: RunAccepted, offer: Offer, order: int) -> Document:
    """A durable run as it is stored first."""
    spec = request.run
    run = run_of(spec, Phase.WAITING, accepted.created_at)
    durable: Document = {"job_id": accepted.job_id, "offer_id": offer.id, **spec_fields(spec)}
    if spec.callback_url is not None:
        durable[TELLS] = True
    return new_document(run, spec, order=order) | durable


def _refusal(run_id: str, stored: Document | None, offer: Offer, open_offers: Container[str]) -> FlowportError | None:
    """Why a run is not stored beside one of its id: None where that is the run itself.

    Nobody is told that one is there which may be withdrawn, and none is taken for stored where that was done just now.
    """
    if stored is None:
        return Undecided()
    offer_id = stored.get("offer_id")
    if offer_id == offer.id:
        return None
    if stored["phase"] == Phase.WAITING.value and offer_id in open_offers:
        return Undecided()
    return id_taken(run_id)


def _repeated(requests: Sequence[AcceptRun]) -> dict[int, Answer]:
    seen: set[str] = set()
    refused: dict[int, Answer] = {}
    for n, request in enumerate(requests):
        if request.run.run_id in seen:
            refused[n] = id_taken(request.run.run_id)
        seen.add(request.run.run_id)
    return refused
