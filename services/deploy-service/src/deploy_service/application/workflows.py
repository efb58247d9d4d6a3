"""Workflows for their authors: create, import, list, rename, export, archive, restore."""

import asyncio
import re
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Final, NamedTuple

from deploy_service.adapters.mongo_drafts import MongoDrafts
from deploy_service.adapters.mongo_publications import MongoPublications
from deploy_service.adapters.mongo_workflows import MongoWorkflows
from deploy_service.application.changes import WorkflowChanges
from deploy_service.application.contents import Contents
from deploy_service.application.timestamps import timestamp
from deploy_service.domain.content import Draft, content_of
from deploy_service.domain.views import deleted_view, workflow_view
from deploy_service.domain.workflow import (
    RESTORABLE_FOR,
    Workflow,
    input_validation,
    workflow_description,
    workflow_name,
)
from shared.clock import Clock
from shared.contracts import deployments as contracts
from shared.contracts.erasure import Erase, ExpiredWorkflows
from shared.errors import InvalidRequest
from shared.ids import new_id
from shared.workflow.catalog import installed_catalog
from shared.workflow.files.writer import write_file
from shared.workflow.format.input_validation import InputValidation
from shared.workflow.format.js_values import JsonObject
from shared.workflow.transfer.exporter import ExportedWorkflow, export_workflow, without_secrets
from shared.workflow.transfer.importer import is_yaml, read_import

UNNAMED: Final = "Imported workflow"
MAX_DELETED: Final = 500
"""Limit of listed archived workflows."""
CLOCK_MARGIN: Final = timedelta(hours=1)
"""Time in which a replica whose clock is behind may still restore a workflow."""
_PLACE: Final = re.compile(r"[0-9]{15}-[\x21-\x7e]{1,200}")


class NewWorkflow(NamedTuple):
    """Settings of a workflow that is created."""

    name: str
    description: str
    folder_id: str | None
    input_validation: str


class Workflows:
    """Manages workflows, but not the live version, except when archiving and restoring."""

    def __init__(
        self,
        workflows: MongoWorkflows,
        drafts: MongoDrafts,
        contents: Contents,
        changes: WorkflowChanges,
        clock: Clock,
        *,
        publications: Sequence[MongoPublications[Any]],
        content_limit: int,
    ) -> None:
        self._workflows = workflows
        self._publications = publications
        self._drafts = drafts
        self._contents = contents
        self._changes = changes
        self._clock = clock
        self._content_limit = content_limit

    async def create(self, request: contracts.CreateWorkflow) -> contracts.Workflow:
        """Create a workflow with the given draft, or an empty one. Raises InvalidRequest, PayloadTooLarge."""
        state = request.state if request.state is not None else {"blocks": {}, "edges": []}
        mode = request.input_validation or InputValidation.OFF
        about = NewWorkflow(request.name, request.description, request.folder_id, input_validation(mode))
        return await self._add(request.workspace_id, about, state)

    async def import_file(self, request: contracts.ImportWorkflow) -> contracts.Workflow:
        """Create a workflow from a file. Raises InvalidWorkflow, PayloadTooLarge; then nothing is stored."""
        found = await asyncio.to_thread(read_import, request.workflow)
        name = request.name or found.name or UNNAMED
        description = request.description if request.description is not None else found.description or ""
        is_file = isinstance(request.workflow, str) and is_yaml(request.workflow)
        mode = request.input_validation or (InputValidation.STRICT if is_file else InputValidation.OFF)
        about = NewWorkflow(name, description, request.folder_id, input_validation(mode))
        return await self._add(request.workspace_id, about, found.state)

    async def get(self, workflow_id: str, workspace_id: str) -> contracts.Workflow:
        """Return a workflow. Raises NotFound."""
        return workflow_view(await self._changes.find(workflow_id, workspace_id))

    async def page(
        self, workspace_id: str, *, cursor: str | None, limit: int, deployed_only: bool, folder_id: str | None
    ) -> contracts.WorkflowPage:
        """Return a workspace's workflows, oldest first. Raises InvalidRequest for an invalid cursor."""
        after = _read_cursor(cursor) if cursor else None
        found = await self._workflows.page(
            workspace_id, after=after, limit=limit + 1, deployed_only=deployed_only, folder_id=folder_id
        )
        shown = found[:limit]
        more = len(found) > limit
        return contracts.WorkflowPage(
            tuple(workflow_view(workflow) for _, workflow in shown), _cursor(shown[-1][0]) if more else None
        )

    async def update(self, workflow_id: str, workspace_id: str, update: contracts.UpdateWorkflow) -> contracts.Workflow:
        """Rename, describe or move. Raises NotFound, InvalidRequest."""
        at = timestamp(self._clock)
        change = await self._changes.change(workflow_id, workspace_id, lambda found: found.updated(update, at))
        return workflow_view(change.after)

    async def archive(self, workflow_id: str, workspace_id: str) -> None:
        """Archive a workflow: delete its publications, undeploy it and hide it. Raises NotFound.

        Hiding comes last, so that an interrupted archive can be repeated.
        """
        await self._changes.find(workflow_id, workspace_id)
        await self._unpublish(workflow_id)
        at = timestamp(self._clock)
        await self._changes.change(workflow_id, workspace_id, lambda found: found.archived(at))
        await self._unpublish(workflow_id)  # those created concurrently

    async def restore(
        self, workflow_id: str, workspace_id: str, order: contracts.RestoreWorkflow
    ) -> contracts.Workflow:
        """Restore an archived workflow. Its publications stay deleted. Raises NotFound."""
        at = timestamp(self._clock)
        change = await self._changes.change(
            workflow_id, workspace_id, lambda found: found.restored(at, redeploy=order.redeploy), archived=True
        )
        return workflow_view(change.after)

    async def deleted(self, workspace_id: str) -> contracts.DeletedWorkflows:
        """Return the archived workflows of a workspace that can be restored, last deleted first."""
        since = self._clock.now() - RESTORABLE_FOR
        found = await self._workflows.archived(workspace_id, since=since, limit=MAX_DELETED)
        return contracts.DeletedWorkflows(tuple(map(deleted_view, found)))

    async def expired(self, limit: int) -> ExpiredWorkflows:
        """Return archived workflows of all workspaces that can no longer be restored."""
        before = self._clock.now() - RESTORABLE_FOR - CLOCK_MARGIN
        found = await self._workflows.expired(before, limit)
        return ExpiredWorkflows(tuple(Erase(workflow.workspace_id, workflow.id) for workflow in found))

    async def export(self, workflow_id: str, workspace_id: str) -> JsonObject:
        """Return the draft as a file, without secrets. Raises NotFound."""
        workflow = await self._changes.find(workflow_id, workspace_id)
        draft = await self._contents.draft(workflow)
        about = ExportedWorkflow(
            id=workflow.id,
            name=workflow.name,
            description=workflow.description,
            workspace_id=workflow.workspace_id,
            folder_id=workflow.folder_id,
        )
        return export_workflow(about, draft.content.state, exported_at=self._clock.now())

    async def export_yaml(self, workflow_id: str, workspace_id: str, *, with_layout: bool) -> str:
        """Return the draft as a YAML file, without secrets. Raises NotFound, InvalidWorkflow."""
        workflow = await self._changes.find(workflow_id, workspace_id)
        draft = await self._contents.draft(workflow)
        state = without_secrets(draft.content.state, installed_catalog())
        write = partial(
            write_file, state, name=workflow.name, description=workflow.description, with_layout=with_layout
        )
        return await asyncio.to_thread(write)

    async def _unpublish(self, workflow_id: str) -> None:
        for publications in self._publications:
            await publications.delete_of(workflow_id)

    async def _add(self, workspace_id: str, about: "NewWorkflow", state: JsonObject) -> contracts.Workflow:
        at = timestamp(self._clock)
        workflow = Workflow(
            id=new_id(),
            workspace_id=workspace_id,
            name=workflow_name(about.name),
            description=workflow_description(about.description),
            folder_id=about.folder_id,
            input_validation=about.input_validation,
            created_at=at,
            updated_at=at,
        )
        content = await asyncio.to_thread(content_of, state, limit=self._content_limit)
        # The draft comes first, so that every visible workflow has one.
        await self._drafts.add(Draft(workflow_id=workflow.id, revision=1, content=content, saved_at=at))
        await self._workflows.add(workflow)
        return workflow_view(workflow)


def _cursor(place: str) -> str:
    return urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> str:
    try:
        place = b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except ValueError:
        place = ""
    if not _PLACE.fullmatch(place):
        raise InvalidRequest(
            "Invalid cursor", details=[{"path": ["cursor"], "message": "must be the cursor of a previous page"}]
        )
    return place
