"""Versions of a workflow: list, show, describe, compare."""

import asyncio
from typing import Final

from msgspec import UNSET

from deploy_service.adapters.mongo_versions import MongoVersions
from deploy_service.application.changes import WorkflowChanges
from deploy_service.application.contents import Contents
from deploy_service.domain.views import version_view
from shared.compile_slots import CompileSlots
from shared.contracts import deployments as contracts
from shared.contracts.repairs import ResumeMap
from shared.contracts.runs import Trigger
from shared.workflow.diff.resume_map import resume_map
from shared.workflow.diff.version_diff import changes as differences

TEXT_FIELDS: Final = ("name", "description")


class Versions:
    """Numbered deployments. Only their names and descriptions change."""

    def __init__(self, versions: MongoVersions, contents: Contents, changes: WorkflowChanges) -> None:
        self._versions = versions
        self._contents = contents
        self._changes = changes
        self._slots = CompileSlots()

    async def page(
        self, workflow_id: str, workspace_id: str, *, before: int | None, limit: int
    ) -> contracts.VersionPage:
        """Return versions, newest first. Raises NotFound."""
        workflow = await self._changes.find(workflow_id, workspace_id)
        found = await self._versions.page(workflow_id, before=before, limit=limit + 1, newest=workflow.last_version)
        shown, more = found[:limit], len(found) > limit
        views = tuple(version_view(version, workflow) for version in shown)
        return contracts.VersionPage(views, shown[-1].number if more else None)

    async def get(self, workflow_id: str, workspace_id: str, number: int) -> contracts.VersionDetail:
        """Return a version with its state. Raises NotFound."""
        workflow = await self._changes.find(workflow_id, workspace_id)
        version = await self._contents.version(workflow, number)
        content = await self._contents.snapshot(workspace_id, version.snapshot_hash)
        return contracts.VersionDetail(version_view(version, workflow), content.state)

    async def update(
        self, workflow_id: str, workspace_id: str, number: int, update: contracts.UpdateVersion
    ) -> contracts.Version:
        """Rename or describe a version. Raises NotFound, InvalidRequest."""
        workflow = await self._changes.find(workflow_id, workspace_id)
        version = await self._contents.version(workflow, number)
        updated = version.updated(update)
        given = {name: getattr(updated, name) for name in TEXT_FIELDS if getattr(update, name) is not UNSET}
        if given:  # only these: the other field may change concurrently
            await self._versions.describe(version.id, given)
        return version_view(await self._contents.version(workflow, number), workflow)

    async def diff(self, workflow_id: str, workspace_id: str, *, before: str, after: str) -> contracts.Diff:
        """Compare two states, each `draft`, `active` or a number.

        Raises NotFound, NotDeployed, InvalidRequest.
        """
        workflow = await self._changes.find(workflow_id, workspace_id)
        old = await self._contents.named(workflow, before)
        new = await self._contents.named(workflow, after)
        found = await asyncio.to_thread(differences, old.state, new.state)
        return contracts.Diff(tuple(found))

    async def resume_map(
        self, workflow_id: str, workspace_id: str, *, before: int, after: int, trigger: Trigger
    ) -> ResumeMap:
        """Return the positions of one version's blocks in another. Raises NotFound, InvalidWorkflow."""
        workflow = await self._changes.find(workflow_id, workspace_id)
        old = await self._contents.named(workflow, str(before))
        new = await self._contents.named(workflow, str(after))
        async with self._slots.hold(workspace_id):
            return await self._slots.run(lambda: resume_map(old.state, new.state, trigger))
