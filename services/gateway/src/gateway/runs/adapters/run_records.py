"""Records of attached runs that this process sends to the run lists; a run's worker sends the others."""

from shared.broker.ports import BrokerUnavailable, QueueFull, WorkQueue
from shared.broker.queue_topology import RECORDS
from shared.clock import Clock
from shared.contracts.messages import RecordBatch, RunBegan, RunRecorded, without_data
from shared.contracts.runs import RunOutcome, RunSpec
from shared.observe.logging import get_logger

log = get_logger("run_records")


class RunRecords:
    """Publisher of run records. Failures are logged: the run's worker, or its silence, tells the rest."""

    def __init__(self, work: WorkQueue, clock: Clock) -> None:
        self._work = work
        self._clock = clock

    async def began(self, run: RunSpec) -> None:
        """Record a requested run that no worker has reported yet."""
        await self._record(RunBegan(run, self._clock.now()))

    async def ended(self, run: RunSpec, outcome: RunOutcome) -> None:
        """Record the end of a run that no known worker can report."""
        await self._record(RunRecorded(run, outcome))

    async def _record(self, record: RunBegan | RunRecorded) -> None:
        try:
            await self._work.publish(RECORDS, RecordBatch((without_data(record),)))
        except (QueueFull, BrokerUnavailable) as error:
            log.warning("run_record_not_sent", run_id=record.run.run_id, error=error.message)
