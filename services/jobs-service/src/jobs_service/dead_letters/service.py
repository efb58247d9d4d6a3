"""Stores dead letters, and redrives or discards them on request."""

from dataclasses import replace
from functools import partial
from typing import Final

import msgspec

from jobs_service import metrics
from jobs_service.consumer import QueueConsumer, is_stored
from jobs_service.dead_letters.repository import MongoDeadLetters, StoredLetter, examine, lost_attached_run
from jobs_service.queue.admission import AdmissionService
from jobs_service.records import RecordService
from jobs_service.runs.documents import RunRepository
from jobs_service.runs.rules import owned_by_caller
from jobs_service.runs.run import Phase
from shared.broker.ports import (
    Broker,
    BrokerUnavailable,
    DeadLetter,
    ReplyOverflow,
    ReplyStream,
    ReplyUnroutable,
    Settlement,
    WorkQueue,
)
from shared.broker.queue_topology import DEAD
from shared.clock import Clock
from shared.contracts.dead_letters import DeadLetterKind, DeadLetterPage, DeadLetterView, RedriveRun
from shared.contracts.events import RunExpired
from shared.contracts.jobs import AcceptRun, RunAccepted
from shared.contracts.messages import AttachedRunRequested, EventBatch, RunRecorded, decode, storable
from shared.contracts.runs import worker_lost
from shared.errors import Conflict, NotFound, RunIdTaken, Unavailable
from shared.ids import new_run_id


class LostRunNotifier:
    """Notifies callers, whose gateway knows whether the run had started, or else records the end."""

    def __init__(self, replies: ReplyStream, records: RecordService, clock: Clock) -> None:
        self._replies = replies
        self._records = records
        self._clock = clock

    async def notify_caller(self, call: AttachedRunRequested) -> None:
        """Notify the caller. Raises Unavailable."""
        notice = EventBatch(call.run.run_id, 0, (RunExpired(),), attempt=call.attempt)
        try:
            await self._replies.send(call.reply_to, notice, must_route=True)
        except ReplyUnroutable:
            now = self._clock.now()
            await self._records.write([storable(RunRecorded(call.run, worker_lost(now, now)))])
        except (BrokerUnavailable, ReplyOverflow) as error:
            raise Unavailable(str(error)) from error


MISSING: Final = "Dead letter not found"


class RedriveService:
    """Redrives runs from the start: a block's effects may happen again.

    The new run belongs to the caller of the redrive: the failed run's caller may have left the workspace, their
    personal environment values are private, and they may have access to more files.
    """

    def __init__(self, runs: RunRepository, admission: AdmissionService) -> None:
        self._runs = runs
        self._admission = admission

    async def redrive(self, run_id: str, request: RedriveRun, *, next_run_id: str | None = None) -> RunAccepted:
        """Accept the run again, under `next_run_id` if given.

        Raises NotFound (attached runs are not stored), Conflict, RunIdTaken, AtCapacity, Unavailable.
        """
        loaded = await self._runs.claimable(run_id)
        if loaded is None or loaded.run.workspace_id != request.workspace_id or loaded.run.is_expired(loaded.now):
            raise NotFound("Run not found")
        if loaded.run.phase not in (Phase.FAILED, Phase.CANCELLED):
            raise Conflict(f"Run {run_id} is {loaded.run.status}. Only a failed or cancelled run can be redriven.")
        if not loaded.spec.stores_data:
            raise Conflict(f"Run {run_id} cannot be redriven: its input is not stored")
        again = msgspec.structs.replace(
            owned_by_caller(loaded.spec, request),
            run_id=next_run_id or new_run_id(),
            repair_of=None,
            inherited_entries=0,
        )
        return await self._admission.accept(AcceptRun(again, request.concurrency_limit))


class DeadLetterService:
    """Dead letters of a workspace, and those without one."""

    def __init__(
        self,
        letters: MongoDeadLetters,
        runs: RunRepository,
        run_redrive: RedriveService,
        queues: WorkQueue,
        lost_runs: LostRunNotifier,
    ) -> None:
        self._letters = letters
        self._runs = runs
        self._run_redrive = run_redrive
        self._queues = queues
        self._lost_runs = lost_runs

    async def store(self, letter: DeadLetter) -> None:
        """Store a dead letter and notify its caller. Raises Unavailable."""
        stored = examine(letter.body, queue=letter.queue, reason=letter.reason)
        if (call := lost_attached_run(letter.body)) is not None:
            await self._lost_runs.notify_caller(call)
        if stored is not None:
            await self._letters.add(await self._with_workflow(stored))
        metrics.DEAD_LETTERS.labels(letter.queue, stored.kind if stored else "dropped").inc()

    async def page(self, workspace_id: str | None, *, limit: int, cursor: str | None) -> DeadLetterPage:
        """Return dead letters, newest first. Raises InvalidRequest, Unavailable."""
        return await self._letters.page(workspace_id, limit=limit, cursor=cursor)

    async def get(self, letter_id: str, workspace_id: str) -> DeadLetterView:
        """Return a dead letter. Raises NotFound, Unavailable."""
        letter = await self._letters.view(letter_id, workspace_id)
        if letter is None:
            raise NotFound(MISSING)
        return letter

    async def redrive(self, letter_id: str, request: RedriveRun) -> RunAccepted | None:
        """Redrive a dead letter; return the new run if it concerned one.

        Raises NotFound, Conflict (cannot be redriven), AtCapacity, Unavailable.
        """
        letter = await self._find(letter_id, request.workspace_id)
        accepted = None
        if letter.kind is DeadLetterKind.DURABLE_RUN and letter.run_id is not None:
            accepted = await self._run_again(letter, letter.run_id, request)
        elif letter.kind is DeadLetterKind.RECORDS and letter.body is not None:
            await self._queues.publish(letter.queue, decode(letter.body).message)
        else:
            raise Conflict(f"Dead letter {letter.id} cannot be redriven. Delete it instead.")
        await self._letters.discard(letter.id)
        return accepted

    async def _run_again(self, letter: StoredLetter, run_id: str, request: RedriveRun) -> RunAccepted:
        try:
            return await self._run_redrive.redrive(run_id, request, next_run_id=letter.next_run_id)
        except RunIdTaken:
            raise Conflict(f"Dead letter {letter.id} was already redriven as run {letter.next_run_id}") from None

    async def discard(self, letter_id: str, workspace_id: str) -> None:
        """Delete a dead letter. Raises NotFound, Unavailable."""
        await self._letters.discard((await self._find(letter_id, workspace_id)).id)

    async def _with_workflow(self, stored: StoredLetter) -> StoredLetter:
        """Add the workflow, for which users search: a stored run's message does not name it."""
        if stored.kind is not DeadLetterKind.DURABLE_RUN or stored.run_id is None:
            return stored
        found = await self._runs.claimable(stored.run_id)
        return replace(stored, workflow_id=found.spec.snapshot.workflow_id) if found else stored

    async def _find(self, letter_id: str, workspace_id: str) -> StoredLetter:
        letter = await self._letters.find(letter_id, workspace_id)
        if letter is None:
            raise NotFound(MISSING)
        return letter


PREFETCH: Final = 16


class DeadLettersConsumer(QueueConsumer):
    """Stores dead letters."""

    def __init__(self, broker: Broker, dead_letters: DeadLetterService, *, drain_seconds: float) -> None:
        super().__init__(partial(broker.work.drain, DEAD, self.handle, prefetch=PREFETCH), drain_seconds=drain_seconds)
        self._dead_letters = dead_letters

    async def handle(self, letter: DeadLetter) -> Settlement:
        """Store one letter; while the store is unavailable, wait before redelivery."""
        store = partial(self._dead_letters.store, letter)
        stored = await is_stored(store, event="dead_letter_waiting_for_store")
        return Settlement.ACK if stored else Settlement.REDELIVER
