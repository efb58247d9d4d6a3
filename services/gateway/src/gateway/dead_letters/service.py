"""Redrive of dead letters and failed runs, with an audit log."""

from typing import Protocol

from gateway.access.audit import AuditLog
from gateway.access.domain.credentials import Caller, Scope
from gateway.access.plans import Plans, RateKind
from gateway.access.rate_limits import RateLimits
from gateway.runs.logs import SpendCap
from gateway.runs.ports import Jobs
from gateway.runs.service import require_to_steer
from gateway.workflows.endpoints import Endpoints
from shared.contracts.dead_letters import DeadLetterKind, DeadLetterPage, DeadLetterView, RedriveRun
from shared.contracts.jobs import RunAccepted, RunView
from shared.observe.trace import current_traceparent


class DeadLetterClient(Protocol):
    """Port of redrives. Every method raises Unavailable.

    Methods with an id raise NotFound if the workspace has no such item.
    """

    async def dead_letters(self, workspace_id: str, *, limit: int, cursor: str | None) -> DeadLetterPage:
        """Return dead letters of the workspace or of none, newest first. Raises InvalidRequest for a bad cursor."""

    async def dead_letter(self, workspace_id: str, letter_id: str) -> DeadLetterView: ...

    async def redrive_letter(self, letter_id: str, request: RedriveRun) -> RunAccepted | None:
        """Redrive a dead letter. Raises Conflict if that is impossible, AtCapacity."""

    async def discard_letter(self, workspace_id: str, letter_id: str) -> None: ...

    async def redrive_run(self, run_id: str, request: RedriveRun) -> RunAccepted:
        """Redrive a run. Raises Conflict unless the run failed, AtCapacity."""


class RedriveService:
    """Service that redrives failed runs, and redrives or discards dead letters.

    A redriven run passes the checks of a new call: an existing workflow, the spend cap and the rate of async calls.
    """

    def __init__(
        self,
        client: DeadLetterClient,
        jobs: Jobs,
        endpoints: Endpoints,
        *,
        plans: Plans,
        limits: RateLimits,
        cap: SpendCap,
        audit: AuditLog,
    ) -> None:
        self._client = client
        self._jobs = jobs
        self._endpoints = endpoints
        self._plans = plans
        self._limits = limits
        self._cap = cap
        self._audit = audit

    async def letter(self, caller: Caller, letter_id: str) -> RunAccepted | None:
        """Redrive a dead letter; return its run, if it has one.

        Raises Forbidden, NotFound, NotDeployed, Conflict (it cannot be redriven), RateLimited, UsageLimitExceeded,
        AtCapacity, Unavailable.
        """
        caller.require_throughout(Scope.ADMIN)
        letter = await self._client.dead_letter(caller.workspace.id, letter_id)
        if letter.kind is DeadLetterKind.DURABLE_RUN and letter.run_id is not None:
            await self._check_start(caller, await self._jobs.run(caller.workspace.id, letter.run_id))
        accepted = await self._client.redrive_letter(letter_id, self._request(caller))
        await self._audit.record(caller, "dead_letter.redriven", target_id=letter_id)
        return accepted

    async def discard(self, caller: Caller, letter_id: str) -> None:
        """Delete a dead letter. Raises Forbidden, NotFound, Unavailable."""
        caller.require_throughout(Scope.ADMIN)
        await self._client.discard_letter(caller.workspace.id, letter_id)
        await self._audit.record(caller, "dead_letter.discarded", target_id=letter_id)

    async def run(self, caller: Caller, run_id: str) -> RunAccepted:
        """Redrive a failed run as a new run.

        Raises Forbidden, NotFound, NotDeployed, Conflict (it did not fail), RateLimited, UsageLimitExceeded,
        AtCapacity, Unavailable.
        """
        require_to_steer(caller)
        failed = await self._jobs.run(caller.workspace.id, run_id)
        caller.on(caller.workspace.id, failed.workflow_id)
        await self._check_start(caller, failed)
        accepted = await self._client.redrive_run(run_id, self._request(caller))
        await self._audit.record(caller, "run.redriven", target_id=run_id, after={"runId": accepted.run_id})
        return accepted

    async def _check_start(self, caller: Caller, failed: RunView) -> None:
        endpoint = await self._endpoints.get(failed.workflow_id)
        if failed.version is not None:
            await self._endpoints.target(endpoint, failed.version)
        await self._cap.check(endpoint.workspace_id, self._plans[caller.workspace.plan].spend_cap_usd)
        await self._limits.take(caller, RateKind.ASYNC)

    def _request(self, caller: Caller) -> RedriveRun:
        """Return the request for a run that belongs to `caller`."""
        plan = self._plans[caller.workspace.plan]
        return RedriveRun(
            caller.workspace.id,
            plan.concurrency,
            actor_id=caller.actor_id,
            caller_name=caller.called_by,
            user_id=caller.user.id if caller.user else None,
            file_scope=caller.file_scope,
            log_retention_ms=plan.log_retention_ms,
            traceparent=current_traceparent(),
        )
