"""The internal HTTP bodies of deploy-service."""

from datetime import datetime
from typing import Any

import msgspec

from shared.contracts.changes import Change
from shared.contracts.problems import Problem


class Endpoint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A workflow as a caller meets it: who owns it, whether and what it runs, who may call.

    `revision` grows with every deploy, promote, undeploy and access change, so that an older answer never replaces a
    newer one in a cache.
    """

    workflow_id: str
    workspace_id: str
    name: str
    revision: int
    is_public: bool = False
    stores_data: bool = True
    """What its runs take and give may be kept beyond their end."""
    version: int | None = None
    version_id: str | None = None
    snapshot_hash: str | None = None
    deployed_at: datetime | None = None

    @property
    def is_deployed(self) -> bool:
        """Whether there is a live version."""
        return self.snapshot_hash is not None


class CallableEndpoint(Endpoint, frozen=True, kw_only=True, omit_defaults=True):
    """A workflow that a run calls, with the ticket for the snapshot it calls."""

    ticket: str = ""


class Workflow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A workflow as its authors see it."""

    id: str
    workspace_id: str
    name: str
    description: str = ""
    folder_id: str | None = None
    created_at: datetime
    updated_at: datetime
    endpoint: Endpoint


class WorkflowPage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Workflows, oldest first. `next_cursor` is None on the last page."""

    workflows: tuple[Workflow, ...]
    next_cursor: str | None = None


class CreateWorkflow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A new, empty workflow, or one with a draft."""

    workspace_id: str
    name: str
    description: str = ""
    folder_id: str | None = None
    state: dict[str, Any] | None = None


class ImportWorkflow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A workflow file, in any accepted form; `name` and `description` override the file's own."""

    workspace_id: str
    workflow: Any
    name: str | None = None
    description: str | None = None
    folder_id: str | None = None


class UpdateWorkflow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Change what is given; the rest stays."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    description: str | msgspec.UnsetType = msgspec.UNSET
    folder_id: str | msgspec.UnsetType | None = msgspec.UNSET


class UpdateAccess(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The API info of a workflow: who may call it, what is kept of it, and what it does. Changes what is given."""

    is_public: bool | msgspec.UnsetType = msgspec.UNSET
    stores_data: bool | msgspec.UnsetType = msgspec.UNSET
    description: str | msgspec.UnsetType = msgspec.UNSET


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """The editable state. `revision` is what a save must name to replace it."""

    state: dict[str, Any]
    revision: int
    saved_at: datetime


class SaveDraft(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Replace the draft. With `expected_revision`, only if nobody saved in between (CONFLICT otherwise)."""

    state: dict[str, Any]
    expected_revision: int | None = None


class DraftSaved(msgspec.Struct, frozen=True):
    """The draft was replaced; the next save must name this revision."""

    revision: int
    saved_at: datetime


class SnapshotDraft(msgspec.Struct, frozen=True, omit_defaults=True):
    """Keep a state for one run of the draft: the saved one, or `state` in its place."""

    state: dict[str, Any] | None = None


class DraftSnapshot(msgspec.Struct, frozen=True):
    """Where the state of a draft run lies, for a day."""

    snapshot_hash: str
    text_block_ids: tuple[str, ...] = ()
    """The blocks that may write text while they run."""


class Deploy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Publish the saved draft as a new version and make it live.

    With `expected_revision`, only if it is at that (PRECONDITION_FAILED otherwise).
    """

    actor_id: str
    actor_name: str
    name: str | None = None
    description: str | None = None
    expected_revision: int | None = None


class Version(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A numbered deployment. Immutable but for its name and description."""

    id: str
    workflow_id: str
    number: int
    snapshot_hash: str
    is_live: bool
    created_at: datetime
    created_by: str
    deployed_by: str | None = None
    name: str | None = None
    description: str | None = None


class VersionPage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Versions, newest first. `next_before` is the number to go on from, None on the last page."""

    versions: tuple[Version, ...]
    next_before: int | None = None


class VersionDetail(msgspec.Struct, frozen=True):
    """A version and the workflow state that it runs."""

    version: Version
    state: dict[str, Any]


class UpdateVersion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Rename or describe a version; null takes the text away, what is not given stays."""

    name: str | msgspec.UnsetType | None = msgspec.UNSET
    description: str | msgspec.UnsetType | None = msgspec.UNSET


class DeploymentStatus(msgspec.Struct, frozen=True):
    """What is live, and whether the draft differs from it in anything that matters."""

    endpoint: Endpoint
    needs_redeployment: bool


class Problems(msgspec.Struct, frozen=True):
    """What is wrong with the draft: errors keep it from being deployed, warnings do not."""

    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


class Diff(msgspec.Struct, frozen=True):
    """What changed from one state of a workflow to another; empty when nothing that matters did."""

    changes: tuple[Change, ...]


class Deployed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a deploy or promote did."""

    version: Version
    endpoint: Endpoint
    unchanged: bool = False
    """The snapshot is the one that was live before."""
    warnings: tuple[str, ...] = ()


class Environment(msgspec.Struct, frozen=True):
    """The `{{NAME}}` values of a workspace, in clear. Never logged, never put into a message."""

    values: dict[str, str]


class EnvironmentName(msgspec.Struct, frozen=True):
    """That a value exists, never the value itself."""

    name: str
    updated_at: datetime
    updated_by: str


class EnvironmentNames(msgspec.Struct, frozen=True):
    """Every name of a workspace's environment, in order."""

    names: tuple[EnvironmentName, ...]


class SetEnvironmentValue(msgspec.Struct, frozen=True):
    """A value for a name, new or replaced. Written only: nobody but a worker reads it back."""

    value: str
    actor_id: str


def personal_place(user_id: str) -> str:
    """Where somebody's own values are kept, in the place of a workspace's id."""
    return f"user:{user_id}"
