"""Repository ports of deploy-service.

Every write is durable when it returns. All methods raise Unavailable if their server does not answer.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from deploy_service.domain.content import Content, Draft, Snapshot
from deploy_service.domain.environment import EnvironmentEntry
from deploy_service.domain.publications import P, PublicationKey
from deploy_service.domain.workflow import Version, Workflow
from shared.contracts.deployments import EnvironmentName
from shared.contracts.erasure import Erase


class WorkflowRepository(Protocol):
    """Workflows, including the pointers to live versions."""

    async def add(self, workflow: Workflow) -> None:
        """Store a new workflow."""

    async def get(self, workflow_id: str) -> Workflow | None:
        """Return a workflow with one indexed read, even if archived."""

    async def archived(self, workspace_id: str, *, since: datetime, limit: int) -> Sequence[Workflow]:
        """Return up to `limit` archived workflows, except those archived before `since`, last archived first.

        Those that an earlier release archived have no time, and come last.
        """

    async def expired(self, before: datetime, limit: int) -> Sequence[Workflow]:
        """Return up to `limit` workflows of all workspaces that were archived before this time, oldest first."""

    async def replace(self, workflow: Workflow, *, expected_revision: int) -> bool:
        """Store `workflow` if the stored revision matches; return whether it did."""

    async def touch(self, workflow_id: str, at: datetime) -> None:
        """Record a content change; the revision stays."""

    async def page(
        self, workspace_id: str, *, after: str | None, limit: int, deployed_only: bool, folder_id: str | None
    ) -> Sequence[tuple[str, Workflow]]:
        """Return up to `limit` unarchived workflows after the position `after`, oldest first, each with its position.

        With `folder_id`, only those in that folder.
        """


class DraftRepository(Protocol):
    """One draft per workflow. Raises PayloadTooLarge if a document cannot hold it."""

    async def add(self, draft: Draft) -> None:
        """Store a new workflow's first draft."""

    async def get(self, workflow_id: str) -> Draft | None:
        """Return the draft with its document."""

    async def hashes(self, workflow_ids: Collection[str]) -> Mapping[str, str]:
        """Return the hash of each draft, without reading its document."""

    async def saved(self, workflow_id: str) -> tuple[int, datetime] | None:
        """Return the draft's revision and time, without reading its document."""

    async def replace(self, draft: Draft, *, expected_revision: int) -> bool:
        """Store `draft` if the stored revision matches; return whether it did."""


class SnapshotRepository(Protocol):
    """Immutable states by workspace and hash. Raises PayloadTooLarge if a document cannot hold one."""

    async def put(self, snapshot: Snapshot) -> None:
        """Store a snapshot, idempotently."""

    async def put_ephemeral(self, snapshot: Snapshot, *, workflow_id: str, until: datetime) -> None:
        """Store a snapshot for this workflow until at least `until`; repetition extends it."""

    async def get(self, workspace_id: str, snapshot_hash: str) -> Content | None:
        """Return the content with this hash."""


class DeletionRepository(Protocol):
    """Permanent deletion. Returns counts of documents; True if more are left."""

    async def workflow_ids(self, request: Erase, limit: int) -> Sequence[str]:
        """Return up to `limit` requested workflows that still exist, even if archived."""

    async def delete_workflow(self, workspace_id: str, workflow_id: str, limit: int) -> tuple[int, bool]:
        """Delete versions, snapshots used only by them, draft, chat, agent, and finally the workflow."""

    async def delete_workspace(self, workspace_id: str, limit: int) -> tuple[int, bool]:
        """Delete the remaining data after all workflows."""


class VersionRepository(Protocol):
    """Numbered versions; each number of a workflow is used once."""

    async def add(self, version: Version) -> bool:
        """Store a version unless its number is taken; return whether it is stored."""

    async def get(self, workflow_id: str, number: int) -> Version | None:
        """Return the version with this number."""

    async def page(self, workflow_id: str, *, before: int | None, limit: int, newest: int) -> Sequence[Version]:
        """Return up to `limit` versions below `before`, newest first. `newest` estimates the highest number."""

    async def has_snapshot(self, workflow_id: str, snapshot_hash: str) -> bool:
        """Return whether a version of this workflow has this snapshot."""

    async def describe(self, version_id: str, fields: Mapping[str, str | None]) -> None:
        """Update these fields, by name, and leave the others."""


class PublicationRepository(Protocol[P]):
    """Publications of one kind."""

    async def add(self, publication: P, /) -> bool:
        """Store a publication unless a unique field is taken; return whether it is stored."""

    async def replace(self, publication: P, /, *, expected_revision: int) -> bool:
        """Store it if the stored revision matches and no unique field is taken; return whether it is stored."""

    async def get(self, publication_id: str, /) -> P | None: ...

    async def find(self, key: PublicationKey, value: str, *, limit: int) -> Sequence[P]:
        """Return up to `limit` publications with this value, oldest first."""

    async def delete(self, publication_id: str, /) -> None:
        """Delete it, if present."""

    async def delete_of(self, workflow_id: str) -> None:
        """Delete a workflow's publication."""


class EnvironmentRepository(Protocol):
    """Encrypted environment values."""

    async def entries(self, workspace_id: str, names: Collection[str] | None = None) -> Sequence[EnvironmentEntry]:
        """Return a workspace's entries with these names, or all, in order."""

    async def names(self, workspace_id: str) -> Sequence[EnvironmentName]:
        """Return the names in order, without reading values."""

    async def put(self, entry: EnvironmentEntry, *, limit: int) -> bool:
        """Store or replace an entry; False if the workspace has `limit` others."""

    async def delete(self, workspace_id: str, name: str) -> bool:
        """Delete an entry; return whether it existed."""
