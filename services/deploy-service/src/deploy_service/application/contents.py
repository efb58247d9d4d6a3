"""Content by reference: the draft, the live version, or a version number."""

import asyncio
from typing import Final

from deploy_service.adapters.mongo_drafts import MongoDrafts
from deploy_service.adapters.mongo_snapshots import MongoSnapshots
from deploy_service.adapters.mongo_versions import MongoVersions
from deploy_service.domain.content import Content, Draft
from deploy_service.domain.workflow import ACTIVE, DRAFT, Version, Workflow
from shared.errors import InvalidRequest, NotDeployed, NotFound
from shared.workflow.diff.version_diff import needs_redeployment

MOST_NAMED: Final = 20
"""Versions that an error names, newest first."""


class Contents:
    """Finds contents for the use cases."""

    def __init__(self, drafts: MongoDrafts, versions: MongoVersions, snapshots: MongoSnapshots) -> None:
        self._drafts = drafts
        self._versions = versions
        self._snapshots = snapshots

    async def draft(self, workflow: Workflow) -> Draft:
        """Return the draft. Raises NotFound."""
        draft = await self._drafts.get(workflow.id)
        if draft is None:
            raise NotFound("Workflow not found")
        return draft

    async def version(self, workflow: Workflow, number: int) -> Version:
        """Return a version. Raises NotFound."""
        version = await self._versions.get(workflow.id, number)
        if version is None:
            raise NotFound("Deployment version not found", details=await self._existing(workflow, number))
        return version

    async def _existing(self, workflow: Workflow, number: int) -> list[dict[str, str]]:
        """Return details of an error that names a missing version and those that exist."""
        newest = await self._versions.page(workflow.id, before=None, limit=MOST_NAMED, newest=workflow.last_version)
        names = ", ".join(str(each.number) for each in newest) or "none"
        more = ", …" if len(newest) == MOST_NAMED else ""
        return [{"path": "version", "message": f"Version {number} does not exist. Existing versions: {names}{more}"}]

    async def snapshot(self, workspace_id: str, snapshot_hash: str) -> Content:
        """Return a snapshot. Raises NotFound."""
        content = await self._snapshots.get(workspace_id, snapshot_hash)
        if content is None:
            raise NotFound("Snapshot not found")
        return content

    async def is_modified(self, workflow: Workflow) -> bool:
        """Return whether the draft differs significantly from the live version, if there is one. Raises NotFound."""
        if workflow.live is None:
            return False
        draft = (await self.draft(workflow)).content
        if draft.hash == workflow.live.snapshot_hash:
            return False
        live = await self.snapshot(workflow.workspace_id, workflow.live.snapshot_hash)
        return await asyncio.to_thread(needs_redeployment, draft.state, live.state)

    async def named(self, workflow: Workflow, reference: str) -> Content:
        """Return the content of `draft`, `active` or a number. Raises NotFound, NotDeployed, InvalidRequest."""
        if reference == DRAFT:
            return (await self.draft(workflow)).content
        if reference != ACTIVE:
            version = await self.version(workflow, version_number(reference))
            return await self.snapshot(workflow.workspace_id, version.snapshot_hash)
        if workflow.live is None:
            raise NotDeployed("Workflow is not deployed")
        return await self.snapshot(workflow.workspace_id, workflow.live.snapshot_hash)


def version_number(text: str) -> int:
    """Parse a version number, from 1. Raises InvalidRequest."""
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 10 and int(text) > 0):
        raise InvalidRequest(
            "Invalid version", details=[{"path": ["version"], "message": "must be a version number, from 1"}]
        )
    return int(text)
