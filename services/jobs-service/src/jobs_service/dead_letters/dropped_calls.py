"""Attached runs that no queue holds any more, and no worker: whoever asked is told, or else the run lists are."""

from jobs_service.records.service import Recording
from shared.broker.ports import BrokerUnavailable, ReplyOverflow, ReplyStream, ReplyUnroutable
from shared.clock import Clock
from shared.contracts.events import RunExpired
from shared.contracts.messages import AttachedRunRequested, EventBatch, RunRecorded, as_kept
from shared.contracts.outcomes import worker_lost
from shared.errors import Unavailable


class DroppedCalls:
    """They waited too long, or their workers were lost. Whether one had begun is known where its events went."""

    def __init__(self, replies: ReplyStream, recording: Recording, clock: Clock) -> None:
        self._replies = replies
        self._recording = recording
        self._clock = clock

    async def tell(self, call: AttachedRunRequested) -> None:
        """Tell whoever waits for it. Raises Unavailable."""
        notice = EventBatch(call.run.run_id, 0, (RunExpired(),), attempt=call.attempt)
        try:
            await self._replies.send(call.reply_to, notice, must_route=True)
        except ReplyUnroutable:
            now = self._clock.now()
            await self._recording.write([as_kept(RunRecorded(call.run, worker_lost(now, now)))])
        except (BrokerUnavailable, ReplyOverflow) as error:
            raise Unavailable(str(error)) from error
