"""Drafts of workflows."""

from collections import OrderedDict
from typing import Any, Final

import msgspec

from gateway.access.audit import AuditLog
from gateway.access.credentials import Caller, Scope
from gateway.lookup_cache import or_none
from gateway.workflows.endpoints import Endpoints
from shared.clients.deploy.workflows import HttpDeployClient
from shared.clock import Clock
from shared.contracts.deployments import (
    CreateWorkflow,
    DraftSaved,
    ImportWorkflow,
    SaveDraft,
    UpdateVersion,
    UpdateWorkflow,
    Version,
    Workflow,
)
from shared.errors import Conflict, InvalidRequest


class UndeployedAlready(InvalidRequest):
    """No version is live that could be undeployed or rolled back."""

    code = "UNDEPLOYED_ALREADY"
    default_message = "Workflow is not deployed"


EDIT_SESSION_SECONDS: Final = 900.0
"""Seconds during which saves of a draft by one editor make one audit log entry."""


MAX_EDIT_SESSIONS: Final = 10_000


class DraftService:
    """Service that edits workflows and version texts, and writes the audit log."""

    def __init__(self, authoring: HttpDeployClient, endpoints: Endpoints, audit: AuditLog, clock: Clock) -> None:
        self._authoring = authoring
        self._endpoints = endpoints
        self._audit = audit
        self._clock = clock
        self._edit_sessions: OrderedDict[tuple[str, str], float] = OrderedDict()

    async def create(self, caller: Caller, request: CreateWorkflow) -> Workflow:
        """Create a workflow in the caller's workspace. Raises Forbidden, InvalidRequest, Unavailable."""
        _require_create(caller)
        made = await self._authoring.create(request)
        await self._audit.record(caller, "workflow.created", target_id=made.id, target_name=made.name)
        return made

    async def import_file(self, caller: Caller, request: ImportWorkflow, *, workflow_id: str | None = None) -> Workflow:
        """Create a workflow from a file. Raises Forbidden, Conflict, InvalidWorkflow, Unavailable.

        `workflow_id` is the expected id; an existing workflow is never overwritten.
        """
        _require_create(caller)
        if workflow_id is not None:
            await self._refuse_existing(caller, workflow_id)
        made = await self._authoring.import_file(request)
        await self._audit.record(caller, "workflow.imported", target_id=made.id, target_name=made.name)
        return made

    async def _refuse_existing(self, caller: Caller, workflow_id: str) -> None:
        known = await or_none(self._authoring.get(caller.workspace.id, workflow_id))
        if known is not None:
            raise Conflict(f'A workflow with this id exists: "{known.name}". Import without an id to make another.')

    async def update(self, caller: Caller, workflow_id: str, change: UpdateWorkflow) -> Workflow:
        """Change name, description or folder. Raises Forbidden, NotFound, InvalidRequest, Unavailable."""
        caller.require(Scope.WRITE)
        before = await self._authoring.get(caller.workspace.id, workflow_id)
        after = await self._authoring.update(caller.workspace.id, workflow_id, change)
        self._endpoints.forget(workflow_id)
        await self._audit.record(
            caller,
            "workflow.updated",
            target_id=workflow_id,
            target_name=after.name,
            before=_changed_fields(change, before),
            after=_changed_fields(change, after),
        )
        return after

    async def save_draft(self, caller: Caller, workflow_id: str, save: SaveDraft) -> DraftSaved:
        """Replace the draft. Raises Forbidden, NotFound, InvalidWorkflow, Conflict, Unavailable."""
        caller.require(Scope.WRITE)
        saved = await self._authoring.save_draft(caller.workspace.id, workflow_id, save)
        if self._starts_edit_session(workflow_id, caller.actor_id):
            await self._audit.record(
                caller, "workflow.draft_saved", target_id=workflow_id, after={"revision": saved.revision}
            )
        return saved

    async def update_version(self, caller: Caller, workflow_id: str, number: int, change: UpdateVersion) -> Version:
        """Change a version's name or description. Raises Forbidden, NotFound, InvalidRequest, Unavailable."""
        caller.require(Scope.WRITE)
        before = (await self._authoring.version(caller.workspace.id, workflow_id, number)).version
        after = await self._authoring.update_version(caller.workspace.id, workflow_id, number, change)
        await self._audit.record(
            caller,
            "workflow.version_updated",
            target_id=workflow_id,
            target_name=f"version {number}",
            before=_changed_fields(change, before),
            after=_changed_fields(change, after),
        )
        return after

    def _starts_edit_session(self, workflow_id: str, editor_id: str) -> bool:
        spell, now = (workflow_id, editor_id), self._clock.monotonic()
        began = self._edit_sessions.get(spell)
        if began is not None and now - began < EDIT_SESSION_SECONDS:
            return False
        self._edit_sessions[spell] = now
        self._edit_sessions.move_to_end(spell)
        if len(self._edit_sessions) > MAX_EDIT_SESSIONS:
            self._edit_sessions.popitem(last=False)
        return True


def _require_create(caller: Caller) -> None:
    caller.require(Scope.WRITE)
    caller.require_every_workflow()


def _changed_fields(change: UpdateWorkflow | UpdateVersion, record: Workflow | Version) -> dict[str, Any]:
    fields = msgspec.structs.asdict(change)
    return {name: getattr(record, name) for name, value in fields.items() if value is not msgspec.UNSET}
