"""Permanent deletion of workflows and workspaces in every service; survives crashes."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import msgspec

from gateway.access.audit import AuditLog
from gateway.access.credentials import Caller, Scope, require_admin
from gateway.access.sessions import Revocations
from gateway.deletion.store import DeletionStore, Erasure, ErasureStatus
from gateway.idempotency.store import IdempotencyStore
from gateway.workflows.endpoints import Endpoints
from shared.clients.deploy.workflows import HttpDeployClient
from shared.clients.jobs.runs import HttpJobsClient
from shared.clock import Clock
from shared.contracts.deployments import DeletedWorkflow, RestoreWorkflow, Workflow
from shared.contracts.erasure import Erase
from shared.errors import Conflict, FlowportError, NotFound
from shared.observe.logging import get_logger
from shared.tasks import cancel_task, run_periodically

log = get_logger("deletion")


MAX_DUE: Final = 20


CLAIM: Final = timedelta(minutes=2)
"""Time after which another gateway repeats a round that has not ended: its gateway was lost."""


MAX_ANSWERS: Final = 200


MAX_SHOWN: Final = 100


IDLE_SECONDS: Final = 1.0


BUSY_SECONDS: Final = 0.1


PURGE_PERIOD: Final = timedelta(minutes=10)


RETENTION: Final = "retention"
"""Requester of deletions that no person requested."""


class DeletionService:
    """Service that stores the erasure's record first; rounds by any gateway then continue until nothing is left.

    Order of services: first the endpoint, then runs, then their stored answers. Once all runs in progress must have
    ended, one more round deletes their last writes.
    """

    def __init__(
        self,
        erasures: DeletionStore,
        workflows: HttpDeployClient,
        services: Sequence[HttpDeployClient | HttpJobsClient],
        calls: IdempotencyStore,
        *,
        endpoints: Endpoints,
        revocations: Revocations,
        audit: AuditLog,
        clock: Clock,
        settle: timedelta,
    ) -> None:
        self._erasures = erasures
        self._workflows = workflows
        self._services = services
        self._calls = calls
        self._endpoints = endpoints
        self._revocations = revocations
        self._audit = audit
        self._clock = clock
        self._settle = settle
        self._rounds: asyncio.Task[None] | None = None
        self._purge_at = clock.now()

    async def start(self) -> None:
        """Start to process due erasures."""
        self._rounds = asyncio.create_task(run_periodically(self._process_due, every=IDLE_SECONDS, name="deletion"))

    async def stop(self) -> None:
        """Stop; other gateways continue."""
        await cancel_task(self._rounds)

    async def workflow(self, caller: Caller, workflow_id: str) -> Erasure:
        """Delete a workflow of the caller's workspace, archived or not.

        Raises Forbidden, NotFound, Unavailable.
        """
        require_admin(caller, workflow_id)
        owner = Erase(caller.workspace.id, workflow_id)
        if not await self._erasures.has_erasure(owner):
            await self._workflows.require_stored(owner.workspace_id, workflow_id)
        erasure = await self._start_erasure(owner, by=caller.actor_name)
        await self._audit.record(caller, "workflow.erased", target_id=workflow_id)
        self._endpoints.forget(workflow_id)
        return erasure

    async def workspace(self, caller: Caller) -> Erasure:
        """Delete the caller's workspace. Raises Forbidden, Conflict for the first one."""
        require_admin(caller)
        workspace = caller.workspace
        if await self._erasures.is_first(workspace.id):
            raise Conflict("The first workspace cannot be deleted")
        erasure = await self._start_erasure(Erase(workspace.id), by=caller.actor_name)
        await self._audit.record(caller, "workspace.erased", target_id=workspace.id, target_name=workspace.name)
        await self._revoke_access(workspace.id)
        await self._revocations.settle()
        return erasure

    async def of(self, caller: Caller) -> Sequence[Erasure]:
        """Return current and past deletions of the caller's workspace. Raises Forbidden."""
        require_admin(caller)
        return await self._erasures.erasures(caller.workspace.id, MAX_SHOWN)

    async def step(self) -> bool:
        """Run one round for all due erasures; return whether more is due now. Raises Unavailable."""
        due = await self._erasures.due_erasures(self._clock.now(), MAX_DUE)
        return any([await self._process_safely(erasure) for erasure in due])

    async def _start_erasure(self, owner: Erase, *, by: str) -> Erasure:
        erasure = Erasure.of(owner, by=by, at=self._clock.now(), settle=self._settle)
        await self._erasures.save_erasure(erasure)
        return erasure

    async def _revoke_access(self, workspace_id: str) -> None:
        await self._revocations.forget(await self._erasures.close_workspace(workspace_id))

    async def _process_safely(self, erasure: Erasure) -> bool:
        """Like `_process`; a failure does not block the erasures behind it."""
        try:
            return await self._process(erasure)
        except FlowportError as error:
            log.warning("erasure_delayed", id=erasure.id, error=error.message)
        except Exception:
            log.exception("erasure_delayed", id=erasure.id)
        return False

    async def _process(self, erasure: Erasure) -> bool:
        """Run one round, unless another gateway does; return whether the next one is due."""
        claimed = msgspec.structs.replace(erasure, due_at=self._clock.now() + CLAIM)
        if not await self._erasures.replace_erasure(erasure, claimed):
            return False
        after = erasure  # if the round fails, the erasure is due again
        try:
            after = await self._run_round(erasure)
        finally:
            await self._erasures.replace_erasure(claimed, after)
        if after.status is not erasure.status:
            log.info("erasure_progressed", id=after.id, status=after.status.value, documents=after.documents)
        return after.status is ErasureStatus.ERASING

    async def _run_round(self, erasure: Erasure) -> Erasure:
        owner = erasure.owner
        if owner.workflow_id is None:
            await self._revoke_access(owner.workspace_id)
        answers = await self._calls.answers_of(owner, MAX_ANSWERS)
        blob_ids = tuple(blob_id for blob_id in answers.values() if blob_id is not None)
        request = msgspec.structs.replace(owner, blob_ids=blob_ids)
        results = [await service.erase(request) for service in self._services]
        await self._calls.erase(tuple(answers))
        has_more = any(each.has_more for each in results) or len(answers) == MAX_ANSWERS
        documents = sum(each.documents for each in results) + len(answers)
        if owner.workflow_id is None and not has_more:
            documents += await self._erasures.erase_workspace(owner.workspace_id)
        return erasure.after_round(documents, has_more=has_more, now=self._clock.now())

    async def _process_due(self) -> None:
        try:
            await self._purge_if_due()
            is_busy = await self.step()
            while is_busy:
                await asyncio.sleep(BUSY_SECONDS)
                is_busy = await self.step()
        except FlowportError as error:
            log.warning("erasures_delayed", error=error.message)

    async def _purge_if_due(self) -> None:
        """Start the permanent deletion of workflows that can no longer be restored. Raises Unavailable."""
        now = self._clock.now()
        if now < self._purge_at:
            return
        self._purge_at = now + PURGE_PERIOD
        for owner in (await self._workflows.expired(MAX_DUE)).workflows:
            if not await self._erasures.has_erasure(owner):
                await self._start_erasure(owner, by=RETENTION)


class DeletedWorkflows:
    """Lists and restores deleted workflows."""

    def __init__(
        self,
        authoring: HttpDeployClient,
        erasures: DeletionStore,
        *,
        endpoints: Endpoints,
        revocations: Revocations,
        audit: AuditLog,
    ) -> None:
        self._authoring = authoring
        self._erasures = erasures
        self._endpoints = endpoints
        self._revocations = revocations
        self._audit = audit

    async def list(self, caller: Caller) -> Sequence[DeletedWorkflow]:
        """Return the deleted workflows that the caller could restore. Raises Forbidden, Unavailable."""
        caller.require(Scope.READ)
        found = await self._authoring.deleted(caller.workspace.id)
        return [each for each in found.workflows if caller.covers(each.id)]

    async def restore(self, caller: Caller, workflow_id: str, *, redeploy: bool) -> Workflow:
        """Restore a deleted workflow; with `redeploy`, also the version that was live.

        Raises Forbidden, NotFound, Unavailable.
        """
        caller.require(Scope.DEPLOY)
        owner = Erase(caller.on(caller.workspace.id, workflow_id).workspace.id, workflow_id)
        if await self._erasures.has_erasure(owner):
            raise NotFound("Workflow not found")
        restored = await self._authoring.restore(owner.workspace_id, workflow_id, RestoreWorkflow(redeploy))
        self._endpoints.forget(workflow_id)
        after = {"version": restored.endpoint.version}
        await self._audit.record(
            caller, "workflow.restored", target_id=workflow_id, target_name=restored.name, after=after
        )
        await self._revocations.settle()
        return restored
