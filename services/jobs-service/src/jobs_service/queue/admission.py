"""Accepts durable runs; a run is acknowledged once a majority has stored it."""

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from jobs_service import metrics
from jobs_service.cancels.service import CancelService
from jobs_service.leadership.loops import WakeUpEvent
from jobs_service.payloads.service import Payloads
from jobs_service.queue.capacity import QueueLimits
from jobs_service.queue.ports import Queue
from shared.batching import Batcher
from shared.contracts.jobs import AcceptRun, RunAccepted
from shared.errors import AtCapacity, FlowportError, OutcomeUncertain, Unavailable
from shared.observe.logging import get_logger
from shared.tracebacks import without_traceback

MAX_BATCH: Final = 256
MAX_BATCH_BYTES: Final = 8 * 1024 * 1024
MAX_WAITING: Final = 10_000

Answer = RunAccepted | FlowportError

log = get_logger("admission")


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
