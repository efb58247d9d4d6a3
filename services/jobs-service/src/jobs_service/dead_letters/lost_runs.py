"""Attached runs that lost their place in the queue or their worker."""

from jobs_service.records.service import RecordService
from shared.broker.ports import BrokerUnavailable, ReplyOverflow, ReplyStream, ReplyUnroutable
from shared.clock import Clock
from shared.contracts.events import RunExpired
from shared.contracts.messages import AttachedRunRequested, EventBatch, RunRecorded, storable
from shared.contracts.runs import worker_lost
from shared.errors import Unavailable


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
