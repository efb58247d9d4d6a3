"""Logs of runs, counts and usage of a workspace."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import msgspec

from gateway.access.credentials import Caller, Scope
from gateway.access.models import UsageLimitExceeded
from gateway.access.plans import BucketState, PlanName, Plans, RateKind
from gateway.access.rate_limits import RateLimits
from gateway.lookup_cache import LookupCache, or_none
from gateway.runs.service import retry_not_found
from gateway.runs.views import output_payload
from gateway.workflows.endpoints import list_all_workflows
from shared.clients.deploy.workflows import HttpDeployClient
from shared.clients.jobs.runs import HttpJobsClient
from shared.clock import Clock
from shared.contracts.deployments import Workflow
from shared.contracts.jobs import RunPage, RunView
from shared.contracts.logs import FindLogs
from shared.contracts.statistics import FindRunSeries, RunSeries, RunStatistics
from shared.errors import NotFound, Unavailable
from shared.observe.logging import get_logger

NO_LOG: Final = "Log not found"


NO_EXECUTION: Final = "Workflow execution not found"


MAX_WORKFLOWS: Final = 5_000
"""Limit of workflows searched for folders."""


class RunLogs:
    """Reader of run logs."""

    def __init__(self, jobs: HttpJobsClient, payloads: HttpJobsClient, authoring: HttpDeployClient) -> None:
        self._jobs = jobs
        self._payloads = payloads
        self._authoring = authoring

    async def find(self, caller: Caller, query: FindLogs, *, folder_ids: Iterable[str]) -> RunPage:
        """Return a page of runs, only of workflows in `folder_ids` if given.

        Raises MissingScope, InvalidRequest (the cursor, the text), Unavailable.
        """
        return await self._jobs.logs(await self._permitted(caller, query, folder_ids))

    async def statistics(self, caller: Caller, query: FindRunSeries, *, folder_ids: Iterable[str]) -> RunSeries:
        """Return statistics of the runs that `find` returns.

        Raises MissingScope, InvalidRequest (the range, the text), Unavailable.
        """
        runs = await self._permitted(caller, query.runs, folder_ids)
        return await self._jobs.statistics(msgspec.structs.replace(query, runs=runs))

    async def _permitted(self, caller: Caller, query: FindLogs, folder_ids: Iterable[str]) -> FindLogs:
        """Return `query`, restricted to the folders and to the workflows of the caller's key."""
        caller.require(Scope.READ)
        if selected := frozenset(folder_ids):
            query = _only(query, await self._workflows_in(caller.workspace.id, selected))
        if caller.key is not None and caller.key.workflow_ids is not None:
            query = _only(query, caller.key.workflow_ids)
        return query

    async def get(self, caller: Caller, run_id: str, *, missing: str = NO_LOG) -> RunView:
        """Return one run in full, from any workspace of the caller.

        Raises MissingScope, NotFound, WrongWorkflow, Unavailable.
        """
        try:
            run = await retry_not_found(partial(self._anywhere, caller, run_id))
        except NotFound:
            raise NotFound(missing) from None
        caller.on(run.workspace_id, run.workflow_id).require(Scope.READ)
        return run

    async def output(self, run: RunView) -> bytes | None:
        """Return the run's output as JSON, with secrets masked; None if it has none, or it has expired.

        Raises Unavailable.
        """
        payload = output_payload(run)
        return None if payload is None else await or_none(self._payloads.get(run.workspace_id, payload.as_logged))

    async def workflows(self, runs: Iterable[RunView]) -> Mapping[str, Workflow]:
        """Return the workflows of some runs, by id, without deleted ones. Raises Unavailable."""
        found: dict[str, Workflow] = {}
        for workspace_id, workflow_id in dict.fromkeys((run.workspace_id, run.workflow_id) for run in runs):
            with suppress(NotFound):
                found[workflow_id] = await self._authoring.get(workspace_id, workflow_id)
        return found

    async def state(self, run: RunView) -> dict[str, Any] | None:
        """Return the workflow state that the run executed; None if deleted. Raises Unavailable."""
        if run.version is None:
            return None
        found = await or_none(self._authoring.version(run.workspace_id, run.workflow_id, run.version))
        return None if found is None else found.state

    async def _anywhere(self, caller: Caller, run_id: str) -> RunView:
        for workspace_id in dict.fromkeys((caller.workspace.id, *(grant.workspace.id for grant in caller.grants))):
            with suppress(NotFound):
                return await self._jobs.run(workspace_id, run_id, output=True, blocks=True)
        raise NotFound(NO_LOG)

    async def _workflows_in(self, workspace_id: str, folder_ids: frozenset[str]) -> set[str]:
        found = await list_all_workflows(self._authoring, workspace_id, deployed_only=False, most=MAX_WORKFLOWS)
        return {workflow.id for workflow in found if workflow.folder_id in folder_ids}


def _only(query: FindLogs, workflow_ids: Iterable[str]) -> FindLogs:
    """Return `query`, restricted to these workflows."""
    allowed = set(workflow_ids)
    named = allowed if query.workflow_ids is None else allowed & set(query.workflow_ids)
    return msgspec.structs.replace(query, workflow_ids=tuple(sorted(named)))


log = get_logger("run_counts")


CountsByWorkflow = Mapping[str, RunStatistics]
"""By workflow; without those that never ran."""


class RunCounts:
    """Reader of counts from jobs-service; lists of workflows are shown without them on failure."""

    def __init__(self, jobs: HttpJobsClient) -> None:
        self._jobs = jobs

    async def of(self, workspace_id: str, workflow_ids: Sequence[str]) -> CountsByWorkflow | None:
        """Return the counts of these workflows; None if unavailable."""
        if not workflow_ids:
            return {}
        try:
            return await self._jobs.run_statistics(workspace_id, workflow_ids)
        except Unavailable as error:
            log.warning("run_counts_unavailable", workspace_id=workspace_id, error=error.message)
            return None


@dataclass(frozen=True, slots=True)
class Usage:
    """Calls left, and US dollars spent this month."""

    sync_calls: BucketState
    async_calls: BucketState
    cost_usd: float
    cap_usd: float
    """Spend cap in US dollars; 0 for none."""
    plan: PlanName

    @property
    def is_exceeded(self) -> bool:
        """Return whether the cap is reached."""
        return 0 < self.cap_usd <= self.cost_usd


class UsageReports:
    """Reader of callers' usage, which counts no call."""

    def __init__(self, limits: RateLimits, jobs: HttpJobsClient, plans: Plans) -> None:
        self._limits = limits
        self._jobs = jobs
        self._plans = plans

    async def of(self, caller: Caller) -> Usage:
        """Return the caller's usage; unavailable parts count as unused."""
        return Usage(
            sync_calls=await self._limits.peek(caller, RateKind.SYNC),
            async_calls=await self._limits.peek(caller, RateKind.ASYNC),
            cost_usd=await self._cost(caller.workspace.id),
            cap_usd=self._plans[caller.workspace.plan].spend_cap_usd,
            plan=caller.workspace.plan,
        )

    async def _cost(self, workspace_id: str) -> float:
        try:
            return (await self._jobs.spend(workspace_id)).usage.cost_usd
        except Unavailable as error:
            log.warning("spend_unavailable", workspace_id=workspace_id, error=error.message)
            return 0.0


LEASE_SECONDS: Final = 5.0


STALE_SECONDS: Final = 300.0


class SpendCap:
    """Check of the cap; caches the spend for a few seconds to add no latency to calls."""

    def __init__(self, jobs: HttpJobsClient, clock: Clock) -> None:
        self._jobs = jobs
        self._cost: LookupCache[float] = LookupCache(
            self._load, clock, seconds=LEASE_SECONDS, stale_seconds=STALE_SECONDS
        )

    async def check(self, workspace_id: str, cap_usd: float) -> None:
        """Raise UsageLimitExceeded over the cap. A cap of 0 means none; unknown spend refuses no call."""
        if cap_usd <= 0:
            return
        try:
            spent = await self._cost.get(workspace_id)
        except Unavailable as error:
            log.warning("spend_cap_unchecked", workspace_id=workspace_id, error=error.message)
            return
        if spent >= cap_usd:
            raise UsageLimitExceeded(spent, cap_usd)

    async def _load(self, workspace_id: str) -> float:
        return (await self._jobs.spend(workspace_id)).usage.cost_usd
