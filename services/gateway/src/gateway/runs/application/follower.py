"""Durable runs for their followers."""

from gateway.access.domain.credentials import Caller
from gateway.runs.adapters.followed_runs import BrokerFollowedRuns
from gateway.runs.application.stream_limits import LimitedRun, StreamLimits
from gateway.runs.application.workflow_runs import WorkflowRuns
from gateway.runs.ports import FollowedRun, Jobs, Payloads
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunOutcome
from shared.errors import NotFound

GONE = "The run is no longer stored"


class RunFollower:
    """Reader of a durable run's events and result."""

    def __init__(
        self, runs: WorkflowRuns, followed: BrokerFollowedRuns, jobs: Jobs, payloads: Payloads, *, limits: StreamLimits
    ) -> None:
        self._runs = runs
        self._followed = followed
        self._jobs = jobs
        self._payloads = payloads
        self._limits = limits

    async def open(self, caller: Caller, workflow_id: str, run_id: str) -> FollowedRun:
        """Follow a run from its first event. Raises Forbidden, NotFound, TooManyStreams, Unavailable."""
        run = await self._runs.find(caller, workflow_id, run_id, output=False, blocks=False)
        with self._limits.slot(caller, run.workspace_id, run.run_id) as slot:
            return LimitedRun(await self._followed.follow(run.workspace_id, run.run_id), slot)

    async def end_of(self, workspace_id: str, run_id: str) -> tuple[RunOutcome, bytes]:
        """Return the outcome of a finished or paused run, and its output as JSON. Raises NotFound, Unavailable."""
        try:
            run = await self._jobs.run(workspace_id, run_id, output=True)
        except NotFound:
            raise NotFound(GONE) from None
        outcome = RunOutcome(
            status=run.status,
            output=run.output or Payload(),
            error=run.error,
            started_at=run.started_at or run.created_at,
            ended_at=run.ended_at or run.created_at,
            duration_ms=run.duration_ms or 0.0,
        )
        return outcome, await self._payloads.get(workspace_id, outcome.output) or b"{}"
