"""Attached runs whose worker is gone, as the worker tells of it who got their message next."""

from shared.broker.ports import BrokerUnavailable, QueueFull, WorkQueue
from shared.broker.topology import RECORDS
from shared.contracts.events import RunEnded
from shared.contracts.messages import EventBatch, RecordBatch, RunRecorded, without_data
from shared.contracts.runs import ErrorCode, RunOutcome, RunSpec
from shared.observe.logging import get_logger

log = get_logger("lost_runs")


def lost_outcome(batch: EventBatch) -> RunOutcome | None:
    """How a run ended whose worker is gone; None where the batch tells of something else."""
    match batch:
        case EventBatch(seq=0, events=(RunEnded(outcome=outcome),)) if _is_lost(outcome):
            return outcome
    return None


def _is_lost(outcome: RunOutcome) -> bool:
    return outcome.error is not None and outcome.error.code is ErrorCode.WORKER_LOST


class LostRuns:
    """Tells the run lists of them: whoever had the run cannot, and who reports it does not know whether it began."""

    def __init__(self, work: WorkQueue) -> None:
        self._work = work

    async def record(self, run: RunSpec, outcome: RunOutcome) -> None:
        """The run failed. Where that cannot be told now, jobs-service finds it silent past its time."""
        record = without_data(RunRecorded(run, outcome))
        try:
            await self._work.publish(RECORDS, RecordBatch((record,)))
        except (QueueFull, BrokerUnavailable) as error:
            log.warning("a lost run is not recorded", run_id=run.run_id, reason=error.message)
