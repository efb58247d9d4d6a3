"""Internal HTTP bodies of deploy-service."""

from datetime import datetime
from typing import Any

import msgspec

from shared.contracts.changes import Change
from shared.contracts.problems import Problem
from shared.contracts.recording_policy import RecordingPolicy


class Endpoint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A workflow for its callers: owner, live version and access.

    `revision` grows with every deploy, promote, undeploy and access change, so that an older response never replaces a
    newer one in a cache.
    """

    workflow_id: str
    workspace_id: str
    name: str
    revision: int
    is_public: bool = False
    stores_data: bool = True
    """Whether inputs and outputs of its runs may be stored after they end."""
    input_validation: str = "off"
    """`strict` refuses calls with undeclared or mistyped fields."""
    recording: RecordingPolicy | None = None
    """Which runs are recorded; None for none."""
    version: int | None = None
    version_id: str | None = None
    snapshot_hash: str | None = None
    deployed_at: datetime | None = None

    @property
    def is_deployed(self) -> bool:
        """Return whether there is a live version."""
        return self.snapshot_hash is not None


class CallableEndpoint(Endpoint, frozen=True, kw_only=True, omit_defaults=True):
    """A workflow called by a run, with the ticket for its snapshot."""

    ticket: str = ""


class Workflow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A workflow for its authors."""

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


class DeletedWorkflow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A deleted workflow that can be restored."""

    id: str
    name: str
    description: str = ""
    deleted_at: datetime
    purged_at: datetime | None = None
    """Time from which it is deleted permanently; None for workflows that an earlier release deleted."""
    version: int | None = None
    """Version that was live."""


class DeletedWorkflows(msgspec.Struct, frozen=True):
    """Deleted workflows of a workspace, last deleted first."""

    workflows: tuple[DeletedWorkflow, ...]


class RestoreWorkflow(msgspec.Struct, frozen=True, omit_defaults=True):
    """Restore a deleted workflow."""

    redeploy: bool = False
    """Also make the last live version live again."""


class CreateWorkflow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Create an empty workflow, or one with a draft."""

    workspace_id: str
    name: str
    description: str = ""
    folder_id: str | None = None
    state: dict[str, Any] | None = None
    input_validation: str | None = None
    """None: `off`."""


class ImportWorkflow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Import a workflow file in any accepted format; `name` and `description` override the file's."""

    workspace_id: str
    workflow: Any
    name: str | None = None
    description: str | None = None
    folder_id: str | None = None
    input_validation: str | None = None
    """None: `strict` for a YAML file, `off` for JSON."""


class UpdateWorkflow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Change the given fields; keep the rest."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    description: str | msgspec.UnsetType = msgspec.UNSET
    folder_id: str | msgspec.UnsetType | None = msgspec.UNSET


class UpdateAccess(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Change the given API settings of a workflow: access, stored data and description."""

    is_public: bool | msgspec.UnsetType = msgspec.UNSET
    stores_data: bool | msgspec.UnsetType = msgspec.UNSET
    input_validation: str | msgspec.UnsetType = msgspec.UNSET
    recording: RecordingPolicy | msgspec.UnsetType | None = msgspec.UNSET
    """Refused while no data is stored; None ends recording and keeps recordings."""
    description: str | msgspec.UnsetType = msgspec.UNSET


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """The editable state. A save must name `revision` to replace it."""

    state: dict[str, Any]
    revision: int
    saved_at: datetime


class SaveDraft(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Replace the draft. With `expected_revision`, only if it is the draft's revision (CONFLICT otherwise)."""

    state: dict[str, Any]
    expected_revision: int | None = None


class DraftSaved(msgspec.Struct, frozen=True):
    """Result of a saved draft; the next save must name this revision."""

    revision: int
    saved_at: datetime


class SnapshotDraft(msgspec.Struct, frozen=True, omit_defaults=True):
    """Store a snapshot for one draft run: of the saved draft, or of `state`."""

    state: dict[str, Any] | None = None


class DraftSnapshot(msgspec.Struct, frozen=True):
    """Reference to the state of a draft run, stored for a day."""

    snapshot_hash: str
    text_block_ids: tuple[str, ...] = ()
    """Blocks that may write text while they run."""


class Deploy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Publish the saved draft as a new version and make it live.

    With `expected_revision`, only if it is the draft's revision (PRECONDITION_FAILED otherwise).
    """

    actor_id: str
    actor_name: str
    name: str | None = None
    description: str | None = None
    expected_revision: int | None = None
    accepted_warnings: tuple[str, ...] | None = None
    """Names of warnings (`code:block`); any other warning then refuses the deploy. None accepts all."""
    snapshot_hash: str | None = None
    """Content that the draft must have (CONTENT_CHANGED otherwise)."""


class Version(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A numbered deployment, immutable except for its name and description."""

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
    """Versions, newest first. `next_before` is the number to continue from, None on the last page."""

    versions: tuple[Version, ...]
    next_before: int | None = None


class VersionDetail(msgspec.Struct, frozen=True):
    """A version and its workflow state."""

    version: Version
    state: dict[str, Any]


class UpdateVersion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Rename or describe a version; null clears a field, omitted fields keep their value."""

    name: str | msgspec.UnsetType | None = msgspec.UNSET
    description: str | msgspec.UnsetType | None = msgspec.UNSET


class DeploymentStatus(msgspec.Struct, frozen=True):
    """The live version, and whether the draft differs significantly from it."""

    endpoint: Endpoint
    needs_redeployment: bool


class ModifiedWorkflows(msgspec.Struct, frozen=True):
    """Workflows of a workspace whose draft differs significantly from the live version."""

    workflow_ids: tuple[str, ...]


class Problems(msgspec.Struct, frozen=True):
    """Problems of the draft: errors prevent its deployment, warnings do not."""

    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


class Diff(msgspec.Struct, frozen=True):
    """Significant differences between two workflow states; may be empty."""

    changes: tuple[Change, ...]


class Deployed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Result of a deploy or promote."""

    version: Version
    endpoint: Endpoint
    unchanged: bool = False
    """The snapshot was already live."""
    warnings: tuple[str, ...] = ()


class Environment(msgspec.Struct, frozen=True):
    """Decrypted `{{NAME}}` values of a workspace. Never logged, never put into a message."""

    values: dict[str, str]


class EnvironmentName(msgspec.Struct, frozen=True):
    """The name of an environment value, never the value itself."""

    name: str
    updated_at: datetime
    updated_by: str


class EnvironmentNames(msgspec.Struct, frozen=True):
    """All names of a workspace's environment, sorted."""

    names: tuple[EnvironmentName, ...]


class SetEnvironmentValue(msgspec.Struct, frozen=True):
    """Create or replace an environment value. Only workers read it back."""

    value: str
    actor_id: str


class ConfiguredProviders(msgspec.Struct, frozen=True):
    """Model providers that are configured on this server."""

    names: tuple[str, ...] = ()


def personal_workspace_id(user_id: str) -> str:
    """Return the workspace id under which a user's personal values are stored."""
    return f"user:{user_id}"
