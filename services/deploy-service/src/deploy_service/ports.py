"""What deploy-service needs from the outside: places to keep things, a way to seal secrets, a way to tell others.

Every write is durable when it returns. All of them raise Unavailable when their server does not answer.
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
    """Workflows, which hold the pointers to what is live."""

    async def add(self, workflow: Workflow) -> None:
        """Keep a new one."""
        ...

    async def get(self, workflow_id: str) -> Workflow | None:
        """One indexed read; archived ones are found too."""
        ...

    async def replace(self, workflow: Workflow, *, expected_revision: int) -> bool:
        """Keep `workflow` only if the stored one has this revision; says whether it did."""
        ...

    async def touch(self, workflow_id: str, at: datetime) -> None:
        """Its content changed; the revision stays."""
        ...

    async def page(
        self, workspace_id: str, *, after: str | None, limit: int, deployed_only: bool, folder_id: str | None
    ) -> Sequence[tuple[str, Workflow]]:
        """Up to `limit` of those not archived, oldest first, each with its place; `after` is a place.

        With `folder_id`, only those in that folder.
        """
        ...


class DraftRepository(Protocol):
    """One draft per workflow. Raises PayloadTooLarge for what a document cannot hold."""

    async def add(self, draft: Draft) -> None:
        """Keep a new workflow's first draft."""
        ...

    async def get(self, workflow_id: str) -> Draft | None:
        """The draft with its document."""
        ...

    async def replace(self, draft: Draft, *, expected_revision: int) -> bool:
        """Keep `draft` only if the stored one has this revision; says whether it did."""
        ...


class SnapshotRepository(Protocol):
    """Immutable states by workspace and hash. Raises PayloadTooLarge for what a document cannot hold."""

    async def put(self, snapshot: Snapshot) -> None:
        """Keep it once; the same again changes nothing."""
        ...

    async def put_for_a_while(self, snapshot: Snapshot, *, workflow_id: str, until: datetime) -> None:
        """Keep it at least until then, for this workflow; the same again prolongs it."""
        ...

    async def get(self, workspace_id: str, snapshot_hash: str) -> Content | None:
        """The content with this hash."""
        ...


class Erasure(Protocol):
    """Deletes for good. Counts are of documents; True where there is more."""

    async def workflow_ids(self, asked: Erase, limit: int) -> Sequence[str]:
        """Up to `limit` of those that are asked for and still there, archived ones too."""
        ...

    async def erase_workflow(self, workspace_id: str, workflow_id: str, limit: int) -> tuple[int, bool]:
        """Versions, what only they point at, draft, chat, agent, and at last the workflow."""
        ...

    async def erase_workspace(self, workspace_id: str, limit: int) -> tuple[int, bool]:
        """What is left when the workflows have gone."""
        ...


class VersionRepository(Protocol):
    """Numbered versions; a number of a workflow is given once."""

    async def add(self, version: Version) -> bool:
        """Keep a new one, unless its number is taken; says whether it is kept."""
        ...

    async def get(self, workflow_id: str, number: int) -> Version | None:
        """The version with this number."""
        ...

    async def page(self, workflow_id: str, *, before: int | None, limit: int, newest: int) -> Sequence[Version]:
        """Up to `limit`, newest first, with numbers below `before`. `newest` is about the highest number there is."""
        ...

    async def has_snapshot(self, workflow_id: str, snapshot_hash: str) -> bool:
        """Return whether a version of this workflow has this snapshot."""
        ...

    async def describe(self, version_id: str, texts: Mapping[str, str | None]) -> None:
        """Keep these texts, by their names, and leave the others."""
        ...


P = TypeVar("P")


class WorkflowPublications(Protocol[P]):
    """What a workflow is published as beside its API, of one kind; a workflow has one at most."""

    async def add(self, publication: P, /) -> bool:
        """Keep a new one, unless something that must be its own is taken; says whether it is kept."""
        ...

    async def replace(self, publication: P, /, *, expected_revision: int) -> bool:
        """Keep it only if the stored one has this revision and nothing is taken that must be its own; says whether."""
        ...

    async def get(self, publication_id: str, /) -> P | None: ...

    async def of(self, workflow_id: str) -> P | None:
        """The one of this workflow."""
        ...

    async def delete(self, publication_id: str, /) -> None:
        """Forget it, if it is there."""
        ...

    async def delete_of(self, workflow_id: str) -> None:
        """As `delete`, for the one of a workflow."""
        ...


class ChatRepository(WorkflowPublications[Chat], Protocol):
    """Chats; an address leads to one."""

    async def at(self, identifier: str) -> Chat | None:
        """The one at this address."""
        ...


class AgentRepository(WorkflowPublications[Agent], Protocol):
    """Agents."""


class ToolServerRepository(Protocol):
    """MCP servers with their tools."""

    async def add(self, server: ToolServer) -> None:
        """Keep a new one."""
        ...

    async def get(self, server_id: str) -> ToolServer | None: ...

    async def of(self, workspace_id: str, limit: int) -> Sequence[ToolServer]:
        """Up to `limit` of a workspace, oldest first."""
        ...

    async def replace(self, server: ToolServer, *, expected_revision: int) -> bool:
        """Keep `server` only if the stored one has this revision; says whether it did."""
        ...

    async def delete(self, server_id: str) -> None:
        """Forget it, if it is there."""
        ...


class EnvironmentRepository(Protocol):
    """Sealed environment values."""

    async def entries(self, workspace_id: str, names: Collection[str] | None = None) -> Sequence[EnvironmentEntry]:
        """Those of a workspace that have these names, or all, in order."""
        ...

    async def names(self, workspace_id: str) -> Sequence[EnvironmentName]:
        """What there is, in order: the values are not read."""
        ...

    async def put(self, entry: EnvironmentEntry, *, at_most: int) -> bool:
        """Keep it, new or in place of the old one; False when the workspace holds `at_most` others already."""
        ...

    async def delete(self, workspace_id: str, name: str) -> bool:
        """Forget it; says whether it was there."""
        ...


class KeyRing(Protocol):
    """Seals values, each for one place: moved elsewhere, it does not open."""

    def seal(self, value: str, *, workspace_id: str, name: str) -> Sealed:
        """Encrypt `value`. Raises Unavailable when no key is configured."""
        ...

    def open(self, sealed: Sealed, *, workspace_id: str, name: str) -> str:
        """The value. Raises Unavailable when its key is not on the ring or it was tampered with."""
        ...


class Announcer(Protocol):
    """Tells every process that a workflow's endpoint changed. Never raises: leases bound what is missed."""

    async def announce(self, workflow_id: str, revision: int) -> None:
        """After the write that raised the revision."""
        ...
