"""Repair of failed runs: one run, or all failed runs of a workflow that match a filter."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import msgspec

from gateway.access.audit import AuditLog
from gateway.access.credentials import Caller
from gateway.access.plans import Plans, RateKind
from gateway.access.rate_limits import RateLimits
from gateway.runs.logs import SpendCap
from gateway.runs.service import require_to_steer
from gateway.workflows.endpoints import Endpoints
from shared.clients.deploy.workflows import HttpDeployClient
from shared.clients.jobs.repairs import HttpRepairClient
from shared.contracts.deployments import Endpoint
from shared.contracts.jobs import RunAccepted, RunFilter
from shared.contracts.repairs import FindRepairable, RepairableRun, RepairRun, ResumeMap
from shared.contracts.runs import RunMode, SnapshotRef, Trigger
from shared.errors import Conflict, FlowportError, NotFound
from shared.observe.logging import get_logger
from shared.observe.trace import current_traceparent
from shared.tracebacks import without_traceback

log = get_logger("repairs")


RUNS_PER_CALL: Final = 1_000


PAGE: Final = 100


AT_ONCE: Final = 16
"""Concurrent repairs of a bulk request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairTarget:
    """Version to continue on; None is the live version. `repeat_uncertain`: see RepairRun."""

    version: int | None = None
    repeat_uncertain: bool = False


@dataclass(slots=True)
class BulkRepair:
    """Result of a bulk repair: the new run or the refusal of each failed run, and the cursor if more are left."""

    repaired: dict[str, RunAccepted] = field(default_factory=dict)
    refused: dict[str, FlowportError] = field(default_factory=dict)
    next_cursor: str | None = None

    @property
    def is_empty(self) -> bool:
        """Return whether it has no run."""
        return not (self.repaired or self.refused)


class RepairService:
    """Continues failed runs as new runs that belong to the caller. Everything is audited."""

    def __init__(
        self,
        client: HttpRepairClient,
        maps: HttpDeployClient,
        endpoints: Endpoints,
        *,
        plans: Plans,
        limits: RateLimits,
        cap: SpendCap,
        audit: AuditLog,
    ) -> None:
        self._client = client
        self._maps = maps
        self._endpoints = endpoints
        self._plans = plans
        self._limits = limits
        self._cap = cap
        self._audit = audit

    async def repair(self, caller: Caller, workflow_id: str, run_id: str, target: RepairTarget) -> RunAccepted:
        """Continue one failed run.

        Raises Forbidden, NotFound, NotDeployed, Conflict (which names the block, if one is the reason), RateLimited,
        UsageLimitExceeded, AtCapacity, Unavailable.
        """
        endpoint, snapshot = await self._begin(caller, workflow_id, target)
        found = await self._client.repairable_runs(FindRepairable(caller.workspace.id, workflow_id, run_id))
        if not found.runs:
            raise NotFound("Run not found")
        repairs = _Repairs(self._client, self._maps, self._request(caller, endpoint, snapshot, target))
        accepted = await repairs.repair(found.runs[0])
        after = {"runId": accepted.run_id, "version": snapshot.version}
        await self._audit.record(caller, "run.repaired", target_id=run_id, after=after)
        return accepted

    async def repair_all(
        self, caller: Caller, workflow_id: str, only: RunFilter, target: RepairTarget, *, cursor: str | None
    ) -> BulkRepair:
        """Continue failed runs, newest first, up to RUNS_PER_CALL. An error after the first page ends the call there.

        Raises Forbidden, NotFound, NotDeployed, InvalidRequest, Conflict, RateLimited, UsageLimitExceeded, Unavailable.
        """
        endpoint, snapshot = await self._begin(caller, workflow_id, target)
        repairs = _Repairs(self._client, self._maps, self._request(caller, endpoint, snapshot, target))
        done = BulkRepair(next_cursor=cursor)
        try:
            await repairs.repair_pages(FindRepairable(caller.workspace.id, workflow_id, only=only, limit=PAGE), done)
        except FlowportError as error:
            if done.is_empty:
                raise
            log.warning("bulk_repair_incomplete", workflow_id=workflow_id, error=error.message)
        finally:
            if not done.is_empty:
                counts = {"version": snapshot.version, "repaired": len(done.repaired), "refused": len(done.refused)}
                await self._audit.record(caller, "runs.repaired", target_id=workflow_id, after=counts)
        return done

    async def _begin(self, caller: Caller, workflow_id: str, target: RepairTarget) -> tuple[Endpoint, SnapshotRef]:
        require_to_steer(caller)
        endpoint = await self._endpoints.get(workflow_id)
        if not endpoint.stores_data:
            raise Conflict("Runs of this workflow cannot be repaired: it does not store inputs and outputs")
        snapshot = await self._endpoints.target(endpoint, target.version)
        await self._cap.check(endpoint.workspace_id, self._plans[caller.workspace.plan].spend_cap_usd)
        await self._limits.take(caller, RateKind.of(RunMode.ASYNC))
        return endpoint, snapshot

    def _request(self, caller: Caller, endpoint: Endpoint, snapshot: SnapshotRef, target: RepairTarget) -> RepairRun:
        plan = self._plans[caller.workspace.plan]
        return RepairRun(
            workspace_id=endpoint.workspace_id,
            workflow_id=endpoint.workflow_id,
            snapshot=snapshot,
            resume_map=ResumeMap({}),
            concurrency_limit=plan.concurrency,
            log_retention_ms=plan.log_retention_ms,
            actor_id=caller.actor_id,
            caller_name=caller.called_by,
            user_id=caller.user.id if caller.user else None,
            file_scope=caller.file_scope,
            traceparent=current_traceparent(),
            repeat_uncertain=target.repeat_uncertain,
        )


class _Repairs:
    """Repairs on one version; compares each failed version with it once."""

    def __init__(self, client: HttpRepairClient, maps: HttpDeployClient, request: RepairRun) -> None:
        self._client = client
        self._request = request
        self._maps = maps
        self._known: dict[tuple[int, Trigger], ResumeMap] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def repair(self, run: RepairableRun) -> RunAccepted:
        request = msgspec.structs.replace(self._request, resume_map=await self._map_of(run))
        return (await self._client.repair(run.run_id, request)).run

    async def repair_pages(self, query: FindRepairable, done: BulkRepair) -> None:
        """Repair up to RUNS_PER_CALL runs from the cursor of `done`, and add the results to it."""
        for _ in range(RUNS_PER_CALL // PAGE):
            page = await self._client.repairable_runs(msgspec.structs.replace(query, cursor=done.next_cursor))
            await self._repair_page(page.runs, done)
            done.next_cursor = page.next_cursor
            if page.next_cursor is None:
                break

    async def _repair_page(self, runs: Sequence[RepairableRun], done: BulkRepair) -> None:
        for run in {(run.version, run.trigger): run for run in runs}.values():
            with suppress(FlowportError):  # the refusal of each run, below
                await self._map_of(run)
        answers = await asyncio.gather(*map(self._try, runs))
        for run, answer in zip(runs, answers, strict=True):
            if isinstance(answer, FlowportError):
                done.refused[run.run_id] = answer
            else:
                done.repaired[run.run_id] = answer

    async def _try(self, run: RepairableRun) -> RunAccepted | FlowportError:
        async with self._slots:
            try:
                return await self.repair(run)
            except FlowportError as error:
                return without_traceback(error)

    async def _map_of(self, run: RepairableRun) -> ResumeMap:
        if run.version is None or self._request.snapshot.version is None:
            raise Conflict("The run cannot be repaired: it did not run a deployed version")
        key = (run.version, run.trigger)
        if key not in self._known:
            self._known[key] = await self._maps.resume_map(
                self._request.workspace_id,
                self._request.workflow_id,
                before=run.version,
                after=self._request.snapshot.version,
                trigger=run.trigger,
            )
        return self._known[key]
