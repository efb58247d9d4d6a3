"""Accepts durable runs; a run is acknowledged once a majority has stored it."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import msgspec
from pymongo.errors import PyMongoError

from jobs_service import metrics
from jobs_service.cancels import CancelService
from jobs_service.leadership import WakeUpEvent
from jobs_service.payloads import Payloads
from jobs_service.queue.capacity import Admission, Queue, QueueLimits, Reservation
from jobs_service.queue.counters import CapacityCounters
from jobs_service.runs.documents import RESERVATION, RUNS, WANTS_NOTICE, new_document, spec_fields
from jobs_service.runs.run import Phase, id_taken, run_of
from jobs_service.store import from_ms, insert_new, now_ms
from shared.batching import Batcher
from shared.contracts.jobs import AcceptRun, RunAccepted
from shared.errors import AtCapacity, FlowportError, OutcomeUncertain, Unavailable
from shared.ids import new_id, new_job_id
from shared.observe.logging import get_logger
from shared.store.client import Document, Store, store_call
from shared.tracebacks import without_traceback

WITHDRAWN: Final = "withdrawn"
"""The reservations that can no longer store this run."""
LIFETIME: Final = timedelta(days=1)
"""Longer than any process stays frozen."""


class WithdrawnRuns:
    """Marks runs as withdrawn, and stores those that are requested again."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._runs = store.collection(RUNS)

    async def withdraw(self, reservation_id: str, run_ids: Iterable[str]) -> None:
        """Prevent a reservation from storing these runs from now on. Stored runs stay unchanged."""
        now = await now_ms(self._store)
        # To every reader, including the previous version, this is a taken id of a run that has not started. It belongs
        # to no workspace, so that none can release it.
        common = {
            "workspace_id": "",
            "workflow_id": "",
            "phase": Phase.RESERVED.value,
            "revision": 0,
            "created_ms": now,
            "expires_at": from_ms(now) + LIFETIME,
            WITHDRAWN: [reservation_id],
        }
        taken = await insert_new(self._runs, [{"_id": run_id, **common} for run_id in run_ids])
        if taken:
            withdrawn = {"_id": {"$in": list(taken)}, WITHDRAWN: {"$exists": True}}
            await self._runs.update_many(withdrawn, {"$addToSet": {WITHDRAWN: reservation_id}})

    async def replace(self, document: Document, reservation_id: str) -> bool:
        """Store a run whose earlier request was withdrawn; return False if this reservation has expired as well."""
        wanted: dict[str, Any] = {"_id": document["_id"], WITHDRAWN: {"$exists": True, "$ne": reservation_id}}
        return (await self._runs.replace_one(wanted, document)).matched_count == 1


TRIES: Final = 10
UNDECIDED_SECONDS: Final = 5
Answer = RunAccepted | FlowportError

log = get_logger("admission")


@dataclass(slots=True)
class _Batch:
    """Requests by their numbers, and the answers so far."""

    requests: Mapping[int, AcceptRun]
    answers: dict[int, Answer]
    accepted: dict[int, RunAccepted] = field(default_factory=dict)
    """The answers for runs that are being stored."""

    def workspace_of(self, n: int) -> str:
        return self.requests[n].run.snapshot.workspace_id


class MongoAdmission:
    """Admission of batches, one at a time."""

    def __init__(self, store: Store, counters: CapacityCounters) -> None:
        self._runs = store.collection(RUNS)
        self._counters = counters
        self._withdrawn = WithdrawnRuns(store)
        self._ended: list[Reservation] = []
        """Reservations whose runs are all stored."""

    async def accept(self, requests: Sequence[AcceptRun], limits: QueueLimits) -> Sequence[Answer]:
        """Store the runs that there is capacity for, in order; return a refusal for each of the others."""
        batch = _Batch(dict(enumerate(requests)), _repeated(requests))
        for _ in range(TRIES):
            reservation = await self._decide(batch, limits)
            if reservation is None:
                break
            if await self._reserve(batch, reservation, limits):
                await self._store(batch, reservation)
                break
        else:
            raise Unavailable("The queue is changing too often. Try again.")
        return [batch.answers[n] for n in range(len(requests))]

    async def end_reservations(self) -> None:
        """Remove the reservations of stored runs, unless a following batch did so."""
        while self._ended:
            reservation = self._ended[0]
            await self._counters.end(reservation, {})
            self._ended = [each for each in self._ended if each is not reservation]

    async def _decide(self, batch: _Batch, limits: QueueLimits) -> Reservation | None:
        """Refuse the runs that exceed capacity; return a reservation for the others."""
        undecided = [n for n in batch.requests if n not in batch.answers]
        counters = await self._counters.of({batch.workspace_of(n) for n in undecided})
        admission = Admission(limits, counters.workspaces, counters.overall, counters.now)
        run_ids: dict[str, list[str]] = {}
        batch.accepted = {}
        for n in undecided:
            name, run_id = batch.workspace_of(n), batch.requests[n].run.run_id
            refusal = admission.refusal_of(name)
            if refusal is None:
                run_ids.setdefault(name, []).append(run_id)
                batch.accepted[n] = RunAccepted(run_id, new_job_id(), counters.now)
            else:
                batch.answers[n] = refusal
        return Reservation(new_id(), run_ids) if run_ids else None

    async def _reserve(self, batch: _Batch, reservation: Reservation, limits: QueueLimits) -> bool:
        concurrency = {batch.workspace_of(n): batch.requests[n].concurrency_limit for n in batch.accepted}
        ended = tuple(self._ended)
        if not await self._counters.reserve(reservation, concurrency, limits, ended):
            return False
        self._ended = [each for each in self._ended if each not in ended]
        return True

    async def _store(self, batch: _Batch, reservation: Reservation) -> None:
        documents = [
            accepted_document(batch.requests[n], accepted, reservation, order)
            for order, (n, accepted) in enumerate(batch.accepted.items())
        ]
        try:
            refusals = await self._insert(documents, reservation)
        except Unavailable:
            log.warning("run_insert_uncertain", runs=len(documents), reservation_id=reservation.id)
            batch.answers |= {n: OutcomeUncertain() for n in batch.accepted}
            return
        unused = Counter(batch.workspace_of(n) for n, each in batch.accepted.items() if each.run_id in refusals)
        batch.answers |= {n: refusals.get(each.run_id, each) for n, each in batch.accepted.items()}
        if unused:
            await self._return(reservation, unused)
        else:
            self._ended.append(reservation)

    async def _return(self, reservation: Reservation, unused: Mapping[str, int]) -> None:
        try:
            await self._counters.end(reservation, unused)
        except PyMongoError as error:
            log.warning("reservation_not_ended", reservation_id=reservation.id, error=repr(error))  # it will expire

    @store_call
    async def _insert(self, documents: Sequence[Document], reservation: Reservation) -> Mapping[str, FlowportError]:
        """Store the runs; return the refusals of those whose ids are taken."""
        taken = await insert_new(self._runs, documents)
        if not taken:
            return {}
        shown = {RESERVATION: 1, "phase": 1, WITHDRAWN: 1}
        found = {each["_id"]: each for each in await self._runs.find({"_id": {"$in": list(taken)}}, shown).to_list()}
        refusals = {}
        for document in documents:
            run_id = document["_id"]
            if run_id in taken:
                refusal = await self._refusal(document, found.get(run_id), reservation)
                if refusal is not None:
                    refusals[run_id] = refusal
        return refusals

    async def _refusal(
        self, document: Document, stored: Document | None, reservation: Reservation
    ) -> FlowportError | None:
        """Return why a run cannot take its id from `stored`; None if it has it."""
        if stored is None:
            return Unavailable(
                f"Run id {document['_id']} was released a moment ago. Try again.", retry_after=UNDECIDED_SECONDS
            )
        if stored.get(RESERVATION) == reservation.id:
            return None
        if WITHDRAWN in stored:
            is_stored = await self._withdrawn.replace(document, reservation.id)
            return None if is_stored else Unavailable("The run could not be stored in time. Try again.")
        if (
            stored["phase"] == Phase.WAITING.value
            and stored.get(RESERVATION) in await self._counters.open_previous_reservations()
        ):
            # The previous version may still withdraw it.
            return Unavailable(
                f"Another request for run {document['_id']} is in progress. Try again.", retry_after=UNDECIDED_SECONDS
            )
        return id_taken(document["_id"])


def accepted_document(request: AcceptRun, accepted: RunAccepted, reservation: Reservation, order: int) -> Document:
    """Return the document of a new durable run."""
    spec = request.run
    run = run_of(spec, Phase.WAITING, accepted.created_at, keeps_journal=spec.stores_data)
    durable: Document = {"job_id": accepted.job_id, RESERVATION: reservation.id, **spec_fields(spec)}
    if spec.callback_url is not None:
        durable[WANTS_NOTICE] = True
    return new_document(run, spec, order=order) | durable


def _repeated(requests: Sequence[AcceptRun]) -> dict[int, Answer]:
    seen: set[str] = set()
    refused: dict[int, Answer] = {}
    for n, request in enumerate(requests):
        if request.run.run_id in seen:
            refused[n] = id_taken(request.run.run_id)
        seen.add(request.run.run_id)
    return refused


MAX_BATCH: Final = 256
MAX_BATCH_BYTES: Final = 8 * 1024 * 1024
MAX_WAITING: Final = 10_000


class AdmissionService:
    """Admission of runs in batches, one batch at a time."""

    def __init__(
        self, queue: Queue, payloads: Payloads, cancels: CancelService, limits: QueueLimits, dispatcher: WakeUpEvent
    ) -> None:
        self._queue = queue
        self._payloads = payloads
        self._cancels = cancels
        self._limits = limits
        self._dispatcher = dispatcher
        self.batches = Batcher[AcceptRun, Answer](
            self._accept,
            max_items=MAX_BATCH,
            max_waiting=MAX_WAITING,
            max_weight=MAX_BATCH_BYTES,
            weigh=lambda request: len(bytes(request.run.input.inline)),
            is_change=True,
        )

    async def accept(self, request: AcceptRun) -> RunAccepted:
        """Store a run. Raises AtCapacity, RunIdTaken, Unavailable (not stored), OutcomeUncertain."""
        fitting = await self._payloads.fit(request.run.snapshot.workspace_id, request.run.input)
        run = msgspec.structs.replace(request.run, input=fitting)
        answer = await self.batches.submit(AcceptRun(run, request.concurrency_limit))
        if isinstance(answer, FlowportError):
            if isinstance(answer, AtCapacity):
                metrics.REFUSALS.labels(answer.full_queue).inc()
            raise without_traceback(answer)  # `answer` would keep this frame, and the input, in memory
        metrics.ACCEPTED.inc()
        return answer

    async def accept_all(self, requests: Sequence[AcceptRun]) -> Sequence[Answer]:
        """Accept each run separately; return the answers in order."""
        answers = await asyncio.gather(*map(self.accept, requests), return_exceptions=True)
        return [_known(answer) for answer in answers]

    async def _accept(self, requests: Sequence[AcceptRun]) -> Sequence[Answer]:
        answers = await self._queue.accept(requests, self._limits)
        accepted = [answer.run_id for answer in answers if isinstance(answer, RunAccepted)]
        if not accepted:
            return answers
        try:
            await self._cancels.apply_pending(accepted)
        except Exception as error:  # the runs are stored, and a retry would store them again
            log.error("pending_cancels_not_applied", runs=len(accepted), exc_info=error)
            answers = [OutcomeUncertain() if isinstance(each, RunAccepted) else each for each in answers]
        self._dispatcher.wake_for_new_work()
        return answers


def _known(answer: RunAccepted | BaseException) -> Answer:
    if isinstance(answer, RunAccepted | FlowportError):
        return answer
    if not isinstance(answer, Exception):
        raise answer
    log.error("run_admission_failed", exc_info=answer)
    return Unavailable("The run could not be stored. Try again.")
