"""Content by reference: the draft, the live version, or a version number."""

from deploy_service.domain.content import Content, Draft
from deploy_service.domain.version import ACTIVE, DRAFT, Version
from deploy_service.domain.workflow import Workflow
from deploy_service.ports import DraftRepository, SnapshotRepository, VersionRepository
from shared.errors import InvalidRequest, NotDeployed, NotFound


class Contents:
    """Finds contents for the use cases."""

    def __init__(self, drafts: DraftRepository, versions: VersionRepository, snapshots: SnapshotRepository) -> None:
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
            raise NotFound("Deployment version not found")
        return version

    async def snapshot(self, workspace_id: str, snapshot_hash: str) -> Content:
        """Return a snapshot. Raises NotFound."""
        content = await self._snapshots.get(workspace_id, snapshot_hash)
        if content is None:
            raise NotFound("Snapshot not found")
        return content

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
