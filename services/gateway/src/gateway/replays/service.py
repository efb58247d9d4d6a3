"""Replay sets of a workflow, for members who may edit and run it."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from gateway.access.audit import AuditLog
from gateway.access.credentials import Caller, Scope
from gateway.access.plans import Plans
from gateway.runs.executions import Executions
from gateway.runs.requests import replay_request
from shared.clients.jobs.replay_sets import HttpReplaySetClient
from shared.contracts.replay_sets import (
    CreateReplaySet,
    ModelBudget,
    ReplayedRun,
    ReplayedRunPage,
    ReplayedVerdict,
    ReplaySet,
    ReplaySetPage,
    ReplayThresholds,
)
from shared.ids import derived_id, new_id, run_key

PAGE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayRequest:
    """What to replay, and on what. Neither version nor draft: the live version."""

    version: int | None
    is_draft: bool
    last: int
    run_ids: Sequence[str]
    ignore: Sequence[str]
    thresholds: ReplayThresholds
    budget: ModelBudget | None
    suggest_ignore: bool
    idempotency_key: str | None
    fingerprint: str


class ReplaySetService:
    """Service for replay sets. Their results show recorded values, so everything needs the write scope."""

    def __init__(self, client: HttpReplaySetClient, executions: Executions, *, plans: Plans, audit: AuditLog) -> None:
        self._client = client
        self._executions = executions
        self._plans = plans
        self._audit = audit

    async def create(self, caller: Caller, workflow_id: str, request: ReplayRequest) -> ReplaySet:
        """Start a set.

        Raises MissingScope, AccessDenied, NotFound, NotDeployed, InvalidRequest, Conflict, UsageLimitExceeded,
        Unavailable.
        """
        caller.require(Scope.WRITE)
        caller, endpoint = await self._executions.authorize(caller, workflow_id)
        template = replay_request(version=request.version, is_draft=request.is_draft)
        run = await self._executions.spec_of(caller, endpoint, template)
        key = request.idempotency_key
        created = await self._client.create(
            CreateReplaySet(
                id=new_id() if key is None else derived_id(f"replay-set/{caller.workspace.id}/{workflow_id}/{key}"),
                run=msgspec.structs.replace(run, record=None),
                concurrency_limit=self._plans[caller.workspace.plan].concurrency,
                created_by=caller.actor_name,
                is_draft=request.is_draft,
                last=request.last,
                run_ids=tuple(run_key(caller.workspace.id, run_id) for run_id in request.run_ids),
                ignore=tuple(request.ignore),
                thresholds=request.thresholds,
                budget=request.budget,
                suggest_ignore=request.suggest_ignore,
                fingerprint=request.fingerprint,
            )
        )
        facts = {"workflowId": workflow_id, "version": created.version, "runs": created.total}
        await self._audit.record(caller, "replay.created", target_id=created.id, after=facts)
        return created

    async def page(self, caller: Caller, workflow_id: str, *, limit: int, cursor: str | None) -> ReplaySetPage:
        """Return sets, newest first. Raises MissingScope, AccessDenied, Unavailable."""
        caller.require(Scope.WRITE)
        return await self._client.page(caller.workspace.id, workflow_id, limit=limit, cursor=cursor)

    async def get(self, caller: Caller, workflow_id: str, set_id: str) -> ReplaySet:
        """Return a set. Raises MissingScope, AccessDenied, NotFound, Unavailable."""
        caller.require(Scope.WRITE)
        return await self._client.get(caller.workspace.id, workflow_id, set_id)

    async def runs(
        self,
        caller: Caller,
        workflow_id: str,
        set_id: str,
        *,
        verdict: ReplayedVerdict | None,
        limit: int,
        cursor: str | None,
    ) -> ReplayedRunPage:
        """Return results of a set, and audit it.

        Raises MissingScope, AccessDenied, NotFound, Unavailable.
        """
        caller.require(Scope.WRITE)
        page = await self._client.runs(
            caller.workspace.id, workflow_id, set_id, verdict=verdict, limit=limit, cursor=cursor
        )
        await self._record_reading(caller, workflow_id, set_id)
        return page

    async def report(self, caller: Caller, workflow_id: str, set_id: str) -> tuple[ReplaySet, Sequence[ReplayedRun]]:
        """Return a set with all results, and audit it. Raises MissingScope, AccessDenied, NotFound, Unavailable."""
        found = await self.get(caller, workflow_id, set_id)
        runs: list[ReplayedRun] = []
        cursor = None
        while True:
            page = await self._client.runs(
                caller.workspace.id, workflow_id, set_id, verdict=None, limit=PAGE, cursor=cursor
            )
            runs += page.runs
            cursor = page.next_cursor
            if cursor is None:
                await self._record_reading(caller, workflow_id, set_id)
                return found, runs

    async def cancel(self, caller: Caller, workflow_id: str, set_id: str) -> ReplaySet:
        """Cancel a set that has not ended. Raises MissingScope, AccessDenied, NotFound, Unavailable."""
        caller.require(Scope.WRITE)
        canceled = await self._client.cancel(caller.workspace.id, workflow_id, set_id)
        await self._audit.record(caller, "replay.canceled", target_id=set_id, after={"workflowId": workflow_id})
        return canceled

    async def _record_reading(self, caller: Caller, workflow_id: str, set_id: str) -> None:
        await self._audit.record(caller, "replay.read", target_id=set_id, after={"workflowId": workflow_id})
