"""Ports of deploy-service: storage, encryption, announcements.

Every write is durable when it returns. All methods raise Unavailable if their server does not answer.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from deploy_service.domain.content import Content, Draft, Snapshot
from deploy_service.domain.environment import EnvironmentEntry
from deploy_service.domain.version import Version
from deploy_service.domain.workflow import Workflow
from shared.contracts.agents import Agent
from shared.contracts.chats import Chat
from shared.contracts.deployments import EnvironmentName
from shared.contracts.erasure import Erase
from shared.contracts.tool_servers import ToolServer
from shared.security.sealed import Sealed


class WorkflowRepository(Protocol):
    """Workflows, including the pointers to live versions."""

    async def add(self, workflow: Workflow) -> None:
        """Store a new workflow."""
        ...

    async def get(self, workflow_id: str) -> Workflow | None:
        """Return a workflow with one indexed read, even if archived."""
        ...

    async def replace(self, workflow: Workflow, *, expected_revision: int) -> bool:
        """Store `workflow` if the stored revision matches; return whether it did."""
        ...

    async def touch(self, workflow_id: str, at: datetime) -> None:
        """Record a content change; the revision stays."""
        ...

    async def page(
        self, workspace_id: str, *, after: str | None, limit: int, deployed_only: bool, folder_id: str | None
    ) -> Sequence[tuple[str, Workflow]]:
        """Return up to `limit` unarchived workflows after the position `after`, oldest first, each with its position.

        With `folder_id`, only those in that folder.
        """
        ...


class DraftRepository(Protocol):
    """One draft per workflow. Raises PayloadTooLarge if a document cannot hold it."""

    async def add(self, draft: Draft) -> None:
        """Store a new workflow's first draft."""
        ...

    async def get(self, workflow_id: str) -> Draft | None:
        """Return the draft with its document."""
        ...

    async def replace(self, draft: Draft, *, expected_revision: int) -> bool:
        """Store `draft` if the stored revision matches; return whether it did."""
        ...


class SnapshotRepository(Protocol):
    """Immutable states by workspace and hash. Raises PayloadTooLarge if a document cannot hold one."""

    async def put(self, snapshot: Snapshot) -> None:
        """Store a snapshot, idempotently."""
        ...

    async def put_ephemeral(self, snapshot: Snapshot, *, workflow_id: str, until: datetime) -> None:
        """Store a snapshot for this workflow until at least `until`; repetition extends it."""
        ...

    async def get(self, workspace_id: str, snapshot_hash: str) -> Content | None:
        """Return the content with this hash."""
        ...


class DeletionRepository(Protocol):
    """Permanent deletion. Returns counts of documents; True if more are left."""

    async def workflow_ids(self, request: Erase, limit: int) -> Sequence[str]:
        """Return up to `limit` requested workflows that still exist, even if archived."""
        ...

    async def delete_workflow(self, workspace_id: str, workflow_id: str, limit: int) -> tuple[int, bool]:
        """Delete versions, snapshots used only by them, draft, chat, agent, and finally the workflow."""
        ...

    async def delete_workspace(self, workspace_id: str, limit: int) -> tuple[int, bool]:
        """Delete the remaining data after all workflows."""
        ...


class VersionRepository(Protocol):
    """Numbered versions; each number of a workflow is used once."""

    async def add(self, version: Version) -> bool:
        """Store a version unless its number is taken; return whether it is stored."""
        ...

    async def get(self, workflow_id: str, number: int) -> Version | None:
        """Return the version with this number."""
        ...

    async def page(self, workflow_id: str, *, before: int | None, limit: int, newest: int) -> Sequence[Version]:
        """Return up to `limit` versions below `before`, newest first. `newest` is about the highest number."""
        ...

    async def has_snapshot(self, workflow_id: str, snapshot_hash: str) -> bool:
        """Return whether a version of this workflow has this snapshot."""
        ...

    async def describe(self, version_id: str, fields: Mapping[str, str | None]) -> None:
        """Update these fields, by name, and leave the others."""
        ...


P = TypeVar("P")


class WorkflowPublications(Protocol[P]):
    """Publications of one kind besides the API; at most one per workflow."""

    async def add(self, publication: P, /) -> bool:
        """Store a publication unless a unique field is taken; return whether it is stored."""
        ...

    async def replace(self, publication: P, /, *, expected_revision: int) -> bool:
        """Store it if the stored revision matches and no unique field is taken; return whether it is stored."""
        ...

    async def get(self, publication_id: str, /) -> P | None: ...

    async def of(self, workflow_id: str) -> P | None:
        """Return this workflow's publication."""
        ...

    async def delete(self, publication_id: str, /) -> None:
        """Delete it, if present."""
        ...

    async def delete_of(self, workflow_id: str) -> None:
        """Delete a workflow's publication."""
        ...


class ChatRepository(WorkflowPublications[Chat], Protocol):
    """Chats; an address leads to one."""

    async def at(self, identifier: str) -> Chat | None:
        """Return the chat at this address."""
        ...


class AgentRepository(WorkflowPublications[Agent], Protocol):
    """Agents."""


class ToolServerRepository(Protocol):
    """MCP servers with their tools."""

    async def add(self, server: ToolServer) -> None:
        """Store a new server."""
        ...

    async def get(self, server_id: str) -> ToolServer | None: ...

    async def of(self, workspace_id: str, limit: int) -> Sequence[ToolServer]:
        """Return up to `limit` servers of a workspace, oldest first."""
        ...

    async def replace(self, server: ToolServer, *, expected_revision: int) -> bool:
        """Store `server` if the stored revision matches; return whether it did."""
        ...

    async def delete(self, server_id: str) -> None:
        """Delete it, if present."""
        ...


class EnvironmentRepository(Protocol):
    """Encrypted environment values."""

    async def entries(self, workspace_id: str, names: Collection[str] | None = None) -> Sequence[EnvironmentEntry]:
        """Return a workspace's entries with these names, or all, in order."""
        ...

    async def names(self, workspace_id: str) -> Sequence[EnvironmentName]:
        """Return the names in order, without reading values."""
        ...

    async def put(self, entry: EnvironmentEntry, *, limit: int) -> bool:
        """Store or replace an entry; False if the workspace has `limit` others."""
        ...

    async def delete(self, workspace_id: str, name: str) -> bool:
        """Delete an entry; return whether it existed."""
        ...


class KeyRing(Protocol):
    """Encrypts values, each bound to its workspace and name."""

    def seal(self, value: str, *, workspace_id: str, name: str) -> Sealed:
        """Encrypt `value`. Raises Unavailable if no key is configured."""
        ...

    def open(self, sealed: Sealed, *, workspace_id: str, name: str) -> str:
        """Decrypt the value. Raises Unavailable if its key is missing or it was modified."""
        ...


class Announcer(Protocol):
    """Announces endpoint changes to every process. Never raises: leases bound missed announcements."""

    async def announce(self, workflow_id: str, revision: int) -> None:
        """Announce the revision after it is stored."""
        ...
