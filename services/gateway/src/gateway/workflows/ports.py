"""deploy-service: endpoints, workflows and environment values; and deletion in other services."""

from typing import Protocol

import msgspec

from shared.contracts.deployments import (
    ConfiguredProviders,
    CreateWorkflow,
    DeletedWorkflows,
    Deploy,
    Deployed,
    DeploymentStatus,
    Diff,
    Draft,
    DraftSaved,
    DraftSnapshot,
    Endpoint,
    EnvironmentNames,
    ImportWorkflow,
    ModifiedWorkflows,
    Problems,
    RestoreWorkflow,
    SaveDraft,
    SetEnvironmentValue,
    SnapshotDraft,
    UpdateAccess,
    UpdateVersion,
    UpdateWorkflow,
    Version,
    VersionDetail,
    VersionPage,
    Workflow,
    WorkflowPage,
)
from shared.contracts.erasure import Erase, Erased, ExpiredWorkflows
from shared.contracts.repairs import ResumeMap
from shared.contracts.replay_sets import ReplaySet
from shared.contracts.runs import Trigger


class Deleter(Protocol):
    """Service that deletes its stored data. Raises Unavailable."""

    async def erase(self, owner: Erase) -> Erased:
        """Delete a portion; the caller repeats until nothing is left."""


class StoredWorkflows(Protocol):
    """Port to stored workflows."""

    async def require_stored(self, workspace_id: str, workflow_id: str) -> None:
        """Raise NotFound if the workspace stores no such workflow, listed or hidden; Unavailable."""

    async def expired(self, limit: int) -> ExpiredWorkflows:
        """Return deleted workflows that can no longer be restored. Raises Unavailable."""


class RecordingStore(Protocol):
    """Recordings of workflows, for deletion."""

    async def delete_of_workflow(self, workspace_id: str, workflow_id: str, *, before: int) -> None:
        """Delete a workflow's recordings, and refuse late ones of runs that began at revision `before` or earlier.

        Raises Unavailable.
        """


class Replays(Protocol):
    """Replays of recorded runs, for gates."""

    async def get(self, workspace_id: str, workflow_id: str, set_id: str) -> ReplaySet:
        """Return a replay. Raises NotFound, Unavailable."""


class Deployments(Protocol):
    """Deployments at deploy-service, for calls. Every method raises NotFound, Unavailable."""

    async def endpoint(self, workflow_id: str) -> Endpoint:
        """Return a workflow as callers see it."""

    async def get(self, workspace_id: str, workflow_id: str) -> Workflow:
        """Return a workflow as authors see it."""

    async def version(self, workspace_id: str, workflow_id: str, number: int) -> VersionDetail:
        """Return a version and its state."""


class Authoring(Protocol):
    """Authoring at deploy-service. Every method raises Unavailable.

    Methods with a workflow id raise NotFound if the workspace has no such workflow.
    """

    async def page(
        self, workspace_id: str, *, cursor: str | None, limit: int, deployed_only: bool, folder_id: str | None = None
    ) -> WorkflowPage:
        """Return workflows, oldest first; with `folder_id`, only those in that folder."""

    async def modified(self, workspace_id: str) -> ModifiedWorkflows:
        """Return the workflows whose draft differs from the live version."""

    async def create(self, request: CreateWorkflow) -> Workflow:
        """Raises InvalidRequest."""

    async def import_file(self, request: ImportWorkflow) -> Workflow:
        """Raises InvalidWorkflow."""

    async def get(self, workspace_id: str, workflow_id: str) -> Workflow: ...

    async def update(self, workspace_id: str, workflow_id: str, change: UpdateWorkflow) -> Workflow:
        """Raises InvalidRequest."""

    async def archive(self, workspace_id: str, workflow_id: str) -> None: ...

    async def deleted(self, workspace_id: str) -> DeletedWorkflows:
        """Return the archived workflows that can be restored."""

    async def restore(self, workspace_id: str, workflow_id: str, order: RestoreWorkflow) -> Workflow:
        """Restore an archived workflow."""

    async def export(self, workspace_id: str, workflow_id: str) -> msgspec.Raw:
        """Return the draft as a file."""

    async def export_yaml(self, workspace_id: str, workflow_id: str, *, with_layout: bool) -> bytes:
        """Return the draft as a YAML file. Raises InvalidWorkflow."""

    async def draft(self, workspace_id: str, workflow_id: str) -> Draft: ...

    async def draft_revision(self, workspace_id: str, workflow_id: str) -> DraftSaved:
        """Return the revision of the draft, which is cheaper than the draft."""

    async def save_draft(self, workspace_id: str, workflow_id: str, save: SaveDraft) -> DraftSaved:
        """Raises InvalidWorkflow, Conflict."""

    async def snapshot_draft(self, workspace_id: str, workflow_id: str, order: SnapshotDraft) -> DraftSnapshot:
        """Store a state for a draft run. Raises InvalidWorkflow."""

    async def load_draft(self, workspace_id: str, workflow_id: str, version: str) -> DraftSaved:
        """`version` is a number or `active`. Raises NotDeployed."""

    async def status(self, workspace_id: str, workflow_id: str) -> DeploymentStatus: ...

    async def deploy(self, workspace_id: str, workflow_id: str, order: Deploy) -> Deployed:
        """Raises InvalidWorkflow, PreconditionFailed, ContentChanged."""

    async def promote(self, workspace_id: str, workflow_id: str, number: int) -> Deployed: ...

    async def undeploy(self, workspace_id: str, workflow_id: str) -> Endpoint:
        """Raises NotDeployed."""

    async def set_access(self, workspace_id: str, workflow_id: str, change: UpdateAccess) -> Workflow: ...

    async def versions(self, workspace_id: str, workflow_id: str, *, before: int | None, limit: int) -> VersionPage: ...

    async def version(self, workspace_id: str, workflow_id: str, number: int) -> VersionDetail: ...

    async def update_version(self, workspace_id: str, workflow_id: str, number: int, change: UpdateVersion) -> Version:
        """Raises InvalidRequest."""

    async def diff(self, workspace_id: str, workflow_id: str, *, before: str, after: str) -> Diff:
        """Compare two of `draft`, `active` and version numbers. Raises NotDeployed."""

    async def problems(self, workspace_id: str, workflow_id: str) -> Problems:
        """Return the problems that a deploy of the draft would report."""


class Environment(Protocol):
    """Environment values at deploy-service. Every method raises Unavailable.

    They belong to `place`: a workspace's id, or `user:` and a user's id.
    """

    async def value_names(self, place: str) -> EnvironmentNames: ...

    async def set_value(self, place: str, name: str, value: SetEnvironmentValue) -> None:
        """Raises InvalidRequest."""

    async def delete_value(self, place: str, name: str) -> None:
        """Raises NotFound."""


class ModelProviders(Protocol):
    """Model providers that deploy-service knows."""

    async def configured_providers(self) -> ConfiguredProviders:
        """Return the providers that are configured on this server. Raises Unavailable."""


class ResumeMaps(Protocol):
    """Comparison of versions at deploy-service, for repairs."""

    async def resume_map(
        self, workspace_id: str, workflow_id: str, *, before: int, after: int, trigger: Trigger
    ) -> ResumeMap:
        """Return the positions of one version's blocks in another. Raises NotFound, InvalidWorkflow, Unavailable."""


class DeployClient(Deployments, Authoring, Environment, ModelProviders, ResumeMaps, Deleter, StoredWorkflows, Protocol):
    """All ports that deploy-service implements."""
