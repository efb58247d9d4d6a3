"""A worker that takes attached runs from the broker and runs a script."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import msgspec
from tests.support.gateway.clock import NOON

from shared.broker.ports import Broker, Delivery, Settlement, Subscription
from shared.broker.queue_topology import EXPRESS, INTERACTIVE, NESTED
from shared.contracts.events import RunEnded, RunEvent
from shared.contracts.messages import AttachedRunRequested, CancelRun, ControlMessage, EventBatch
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunError, RunOutcome, RunSpec, RunStatus


def outcome(
    output: object = None,
    *,
    status: RunStatus = RunStatus.COMPLETED,
    error: RunError | None = None,
    is_response: bool = False,
) -> RunOutcome:
    """Return the report of a run of 163.4 ms that started at noon."""
    document = msgspec.json.encode({} if output is None else output)
    return RunOutcome(
        status=status,
        output=Payload(inline=msgspec.Raw(document), size=len(document)),
        error=error,
        started_at=NOON,
        ended_at=NOON + timedelta(milliseconds=163),
        duration_ms=163.4,
        is_response=is_response,
    )


Script = Callable[[RunSpec], Sequence[Sequence[RunEvent]]]
"""Return the batches that a worker sends for a run."""

Send = Callable[[int, Sequence[RunEvent]], Awaitable[None]]
"""Send the batch with this number."""


def ends(with_outcome: RunOutcome) -> Script:
    """Return the script of a run that sends nothing but its end."""
    return lambda run: [[RunEnded(with_outcome)]]


def echoes(run: RunSpec) -> Sequence[Sequence[RunEvent]]:
    """Return the script of a run whose output is its input."""
    return [[RunEnded(outcome({"result": msgspec.json.decode(run.input.inline), "stdout": ""}))]]


@dataclass
class FakeWorker:
    """Takes attached runs from the broker and runs `script`; if set, `perform` replaces it."""

    broker: Broker
    script: Script = echoes
    perform: Callable[[RunSpec, Send], Awaitable[None]] | None = None
    runs: list[RunSpec] = field(default_factory=list)
    queues: list[str] = field(default_factory=list)
    """Sources of the runs."""
    taking: dict[str, Subscription] = field(default_factory=dict)
    cancelled: list[str] = field(default_factory=list)

    async def start(self) -> None:
        for queue in (EXPRESS, INTERACTIVE, NESTED):
            self.taking[queue] = await self.broker.work.consume(queue, partial(self._work, queue), prefetch=100)
        await self.broker.control.listen(self._on_control)

    async def _work(self, queue: str, delivery: Delivery) -> Settlement:
        request = delivery.message
        assert isinstance(request, AttachedRunRequested)
        self.runs.append(request.run)
        self.queues.append(queue)

        async def send(seq: int, events: Sequence[RunEvent]) -> None:
            batch = EventBatch(request.run.run_id, seq, tuple(events), attempt=request.attempt)
            await self.broker.replies.send(request.reply_to, batch, must_route=True)

        if self.perform is not None:
            await self.perform(request.run, send)
            return Settlement.ACK
        for seq, events in enumerate(self.script(request.run)):
            await send(seq, events)
        return Settlement.ACK

    def _on_control(self, message: ControlMessage) -> None:
        if isinstance(message, CancelRun):
            self.cancelled.append(message.run_id)
