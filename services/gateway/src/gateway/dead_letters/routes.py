"""`/api/v1/dead-letters` and `/api/v1/runs/{id}/redrive`: messages that no worker could process, and their redrive."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from gateway.access.audit import AuditLog
from gateway.access.credentials import Caller, Scope
from gateway.access.plans import Plans, RateKind
from gateway.access.rate_limits import RateLimits
from gateway.runs.logs import SpendCap
from gateway.runs.service import require_to_steer
from gateway.v1.routes import ErrorAnswer, V1Access, v1_router
from gateway.web.routes import answers
from gateway.workflows.endpoints import Endpoints
from shared.clients.jobs.dead_letters import HttpDeadLetterClient
from shared.clients.jobs.runs import HttpJobsClient
from shared.clock import iso
from shared.contracts.dead_letters import DeadLetterKind, DeadLetterView, RedriveRun
from shared.contracts.jobs import RunAccepted, RunView
from shared.observe.trace import current_traceparent
from shared.web.struct_bodies import StructResponse


class RedriveService:
    """Service that redrives failed runs, and redrives or discards dead letters.

    A redriven run passes the checks of a new call: an existing workflow, the spend cap and the rate of async calls.
    """

    def __init__(
        self,
        client: HttpDeadLetterClient,
        jobs: HttpJobsClient,
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


def dead_letters_router(
    access: V1Access, client: HttpDeadLetterClient, redrives: RedriveService, *, public_url: str
) -> APIRouter:
    """Return the routes, for admins of the workspace."""
    router = v1_router("Dead letters", 400, 401, 403, 404, 409, 429, 503, prefix="/api/v1")
    capped = answers(ErrorAnswer, 402)
    AnyCaller = Annotated[Caller, Depends(access.caller)]  # noqa: N806 - a type
    In = Annotated[str | None, Query(alias="workspaceId", description="Defaults to the key's workspace.")]  # noqa: N806 - a type

    def accepted_body(accepted: RunAccepted) -> dict[str, Any]:
        url = f"{public_url}/api/jobs/{accepted.job_id}"
        return {"runId": accepted.run_id, "jobId": accepted.job_id, "statusUrl": url}

    @router.get("/dead-letters", summary="List dead letters")
    async def page(
        caller: AnyCaller,
        workspace_id: In = None,
        limit: Annotated[int, Query(ge=1, le=100)] = 50,
        cursor: Annotated[str | None, Query(max_length=500)] = None,
    ) -> Response:
        caller = _within(caller, workspace_id)
        caller.require_throughout(Scope.ADMIN)
        found = await client.dead_letters(caller.workspace.id, limit=limit, cursor=cursor)
        return StructResponse({"data": list(map(_letter_row, found.letters)), "nextCursor": found.next_cursor})

    @router.post("/dead-letters/{letter_id}/redrive", summary="Redrive a dead letter", responses=capped)
    async def redrive_letter(caller: AnyCaller, letter_id: str, workspace_id: In = None) -> Response:
        accepted = await redrives.letter(_within(caller, workspace_id), letter_id)
        return StructResponse({"data": accepted_body(accepted) if accepted else {"redriven": True}}, status_code=202)

    @router.delete("/dead-letters/{letter_id}", status_code=204, summary="Discard a dead letter")
    async def discard(caller: AnyCaller, letter_id: str, workspace_id: In = None) -> None:
        await redrives.discard(_within(caller, workspace_id), letter_id)

    @router.post("/runs/{run_id}/redrive", summary="Redrive a failed run", responses=capped)
    async def redrive_run(caller: AnyCaller, run_id: str, workspace_id: In = None) -> Response:
        accepted = await redrives.run(_within(caller, workspace_id), run_id)
        return StructResponse({"data": {**accepted_body(accepted), "redrivenFrom": run_id}}, status_code=202)

    return router


def _within(caller: Caller, workspace_id: str | None) -> Caller:
    return caller.within(workspace_id or caller.workspace.id)


def _letter_row(letter: DeadLetterView) -> dict[str, Any]:
    return {
        "id": letter.id,
        "kind": letter.kind,
        "queue": letter.queue,
        "reason": letter.reason,
        "diedAt": iso(letter.died_at),
        "times": letter.times,
        "size": letter.size,
        "workflowId": letter.workflow_id,
        "runId": letter.run_id,
    }
