"""What the gateway needs from the outside. Adapters implement these; tests hand in fakes."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from gateway.domain.credentials import ApiKey, Credential, Member, Workspace
from gateway.domain.idempotency import CallName, KeptAnswer
from shared.contracts.deployments import (
    CreateWorkflow,
    Deploy,
    Deployed,
    DeploymentStatus,
    Draft,
    DraftSaved,
    Endpoint,
    ImportWorkflow,
    SaveDraft,
    UpdateAccess,
    UpdateVersion,
    UpdateWorkflow,
    Version,
    VersionDetail,
    VersionPage,
    Workflow,
    WorkflowPage,
)
from shared.contracts.events import RunEvent
from shared.contracts.jobs import AcceptRun, CancelAnswer, RunAccepted, RunPage, RunView
from shared.contracts.runs import Payload, RunOutcome, RunSpec


class Keys(Protocol):
    """Workspaces and their API keys, in the gateway's own database. Every method raises Unavailable."""

    async def find(self, key_hash: str) -> Credential | None:
        """The key with this hash and the workspace that it opens, good or not."""
        ...

    async def workspace(self, workspace_id: str) -> Workspace | None:
        """One workspace."""
        ...

    async def record_use(self, key_id: str, at: datetime) -> None:
        """The key was used at `at`; an older time never replaces a newer one."""
        ...


class Tenants(Protocol):
    """How workspaces, members and keys come to be. Every method raises Unavailable."""

    async def found(self, workspace: Workspace, admin: Member) -> Workspace:
        """Make this the first workspace, with this admin, unless there is one; returns the one that is."""
        ...

    async def has_keys(self, workspace_id: str) -> bool:
        """Whether the workspace has any key, revoked ones included."""
        ...

    async def add_key(self, key: ApiKey) -> None:
        """Store a key."""
        ...


class Deployments(Protocol):
    """deploy-service, as far as calls go. Every method raises NotFound, Unavailable."""

    async def endpoint(self, workflow_id: str) -> Endpoint:
        """A workflow as a caller meets it."""
        ...

    async def version(self, workspace_id: str, workflow_id: str, number: int) -> VersionDetail:
        """One version and its state."""
        ...


class Authoring(Protocol):
    """deploy-service, as authors use it. Every method raises Unavailable.

    Those that name a workflow raise NotFound where the workspace has none of this id.
    """

    async def page(self, workspace_id: str, *, cursor: str | None, limit: int, deployed_only: bool) -> WorkflowPage: ...

    async def create(self, request: CreateWorkflow) -> Workflow:
        """Raises InvalidRequest."""
        ...

    async def import_file(self, request: ImportWorkflow) -> Workflow:
        """Raises InvalidWorkflow."""
        ...

    async def get(self, workspace_id: str, workflow_id: str) -> Workflow: ...

    async def update(self, workspace_id: str, workflow_id: str, change: UpdateWorkflow) -> Workflow:
        """Raises InvalidRequest."""
        ...

    async def archive(self, workspace_id: str, workflow_id: str) -> None: ...

    async def export(self, workspace_id: str, workflow_id: str) -> msgspec.Raw:
        """The draft as a file."""
        ...

    async def draft(self, workspace_id: str, workflow_id: str) -> Draft: ...

    async def save_draft(self, workspace_id: str, workflow_id: str, save: SaveDraft) -> DraftSaved:
        """Raises InvalidWorkflow, Conflict."""
        ...

    async def load_draft(self, workspace_id: str, workflow_id: str, version: str) -> DraftSaved:
        """`version` is a number or `active`. Raises NotDeployed."""
        ...

    async def status(self, workspace_id: str, workflow_id: str) -> DeploymentStatus: ...

    async def deploy(self, workspace_id: str, workflow_id: str, order: Deploy) -> Deployed:
        """Raises InvalidWorkflow."""
        ...

    async def promote(self, workspace_id: str, workflow_id: str, number: int) -> Deployed: ...

    async def undeploy(self, workspace_id: str, workflow_id: str) -> Endpoint:
        """Raises NotDeployed."""
        ...

    async def set_access(self, workspace_id: str, workflow_id: str, change: UpdateAccess) -> Workflow: ...

    async def versions(self, workspace_id: str, workflow_id: str, *, before: int | None, limit: int) -> VersionPage: ...

    async def version(self, workspace_id: str, workflow_id: str, number: int) -> VersionDetail: ...

    async def update_version(self, workspace_id: str, workflow_id: str, number: int, change: UpdateVersion) -> Version:
        """Raises InvalidRequest."""
        ...


class DeployKeeper(Deployments, Authoring, Protocol):
    """All that deploy-service does for the gateway."""


class Jobs(Protocol):
    """jobs-service, as far as runs go. Every method raises Unavailable."""

    async def accept(self, request: AcceptRun) -> RunAccepted:
        """Store a run for certain. Raises AtCapacity, RunIdTaken."""
        ...

    async def job(self, job_id: str) -> RunView:
        """A queued run by its job id. Raises NotFound."""
        ...

    async def run(self, workspace_id: str, run_id: str, *, output: bool = False, blocks: bool = False) -> RunView:
        """Any run, with its output and blocks where asked for. Raises NotFound."""
        ...

    async def runs(self, workspace_id: str, workflow_id: str, *, limit: int, cursor: str | None) -> RunPage:
        """The runs of a workflow, newest first. Raises InvalidRequest for a cursor that is none."""
        ...

    async def cancel(self, workspace_id: str, workflow_id: str, run_id: str) -> CancelAnswer:
        """Cancel a run. Raises NotFound, Conflict."""
        ...

    async def claim_run_id(self, workspace_id: str, run_id: str) -> None:
        """Take a caller-chosen run id, for ever. Raises RunIdTaken."""
        ...

    async def release_run_id(self, workspace_id: str, run_id: str) -> None:
        """Give an id back whose run never began."""
        ...


class Payloads(Protocol):
    """JSON of any size."""

    async def put(self, workspace_id: str, document: bytes) -> Payload:
        """Raises Unavailable when it is large and cannot be stored."""
        ...

    async def get(self, workspace_id: str, payload: Payload) -> bytes:
        """Raises NotFound, Unavailable."""
        ...


class TenantDatabase(Keys, Tenants, Protocol):
    """The gateway's own database."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def ping(self) -> None:
        """Raises Unavailable unless it answers."""
        ...


class RunKeeper(Jobs, Payloads, Protocol):
    """All that jobs-service does for the gateway."""


class AttachedRun(Protocol):
    """A run that lives and dies with this call."""

    @property
    def run_id(self) -> str: ...

    async def take(self) -> Sequence[RunEvent]:
        """The events since the last call, waiting for at least one; RunEnded is the last one ever.

        Raises RunLost, StreamBroken, ReaderTooSlow, NotStarted, RunOverdue.
        """
        ...

    async def outcome(self) -> RunOutcome:
        """How the run ended. Raises what `take` raises."""
        ...

    def hang_up(self) -> None:
        """The caller is gone or has seen the end: if the run is not over, it is cancelled."""
        ...


class AttachedRuns(Protocol):
    """Hands runs to workers and brings their events back."""

    async def attach(self, run: RunSpec) -> AttachedRun:
        """Queue the run and wait for its events. Raises AtCapacity, RunIdTaken, RunLost."""
        ...

    def holds(self, workspace_id: str, run_id: str) -> bool:
        """Whether a caller of this process waits for the run."""
        ...


class CallRecord(msgspec.Struct, frozen=True):
    """A call with an idempotency key, and the run that it begins. `holder` is who answers it now."""

    name: CallName
    fingerprint: str
    run_id: str
    holder: str
    is_retry: bool = False
    """Another process has begun to answer it, and is gone."""


class KnownCall(msgspec.Struct, frozen=True):
    """A record that there is. `is_held`: its holder was there lately."""

    record: CallRecord
    answer: KeptAnswer | None
    is_held: bool


class IdempotencyRecords(Protocol):
    """Records of calls, in the gateway's own database. Every method raises Unavailable."""

    async def begin(self, record: CallRecord, now: datetime, expires_at: datetime, lease: timedelta) -> bool:
        """Store a record, in place of one that has expired. False: there is one."""
        ...

    async def find(self, record_id: str) -> KnownCall | None: ...

    async def take_over(self, before: CallRecord, after: CallRecord, lease: timedelta) -> bool:
        """Replace the holder. False: somebody else was faster, or it is answered."""
        ...

    async def renew(self, turns: dict[str, str], lease: timedelta) -> None:
        """Prolong what these holders hold, by record id."""
        ...

    async def keep(self, record: CallRecord, answer: KeptAnswer) -> None:
        """Store the answer, if `record` still is the one that is kept."""
        ...

    async def forget(self, record: CallRecord) -> None:
        """Delete the record, if it still is the one that is kept and has no answer."""
        ...
