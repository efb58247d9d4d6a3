"""What the gateway needs from the outside. Adapters implement these; tests hand in fakes."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from gateway.domain.credentials import ApiKey, Credential, Grant, Workspace
from gateway.domain.idempotency import CallName, KeptAnswer
from gateway.domain.people import Account, Session, User
from gateway.domain.rate_limits import Rate
from gateway.domain.team import Invitation, Team
from shared.contracts.audit import AuditEntry, AuditQuery
from shared.contracts.dead_letters import DeadLetterPage
from shared.contracts.deployments import (
    CreateWorkflow,
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
    Problems,
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
from shared.contracts.event_log import EventLogPage, EventPosition
from shared.contracts.events import RunEvent
from shared.contracts.jobs import (
    AcceptRun,
    CancelAnswer,
    CancelledRuns,
    ResumeAnswer,
    ResumeRun,
    RunAccepted,
    RunFilter,
    RunPage,
    RunView,
    Spend,
)
from shared.contracts.logs import FindLogs
from shared.contracts.messages import ControlMessage
from shared.contracts.runs import Payload, RunOutcome, RunSpec
from shared.contracts.webhooks import DeliveryPage, SaveSubscription, Subscription, TestResult

EVERY_RUN: Final = RunFilter()


class Keys(Protocol):
    """API keys, in the gateway's own database. Every method raises Unavailable."""

    async def find(self, key_hash: str) -> Credential | None:
        """The key with this hash and what it opens, good or not."""
        ...

    async def workspace(self, workspace_id: str) -> Workspace | None:
        """One workspace."""
        ...

    async def record_uses(self, uses: Mapping[str, datetime]) -> None:
        """When each key was used last; an older time never replaces a newer one."""
        ...

    async def has_keys(self, workspace_id: str) -> bool:
        """Whether the workspace has any key, revoked ones included."""
        ...

    async def add_key(self, key: ApiKey) -> None:
        """Store a key. Raises Conflict when its owner has one of this name."""
        ...

    async def key(self, key_id: str) -> ApiKey | None:
        """One key, revoked or not."""
        ...

    async def keys_of(self, *, workspace_id: str | None, user_id: str | None) -> Sequence[ApiKey]:
        """The keys of a workspace or of a user that are not revoked, newest first."""
        ...

    async def rename_key(self, key_id: str, name: str) -> None:
        """Raises Conflict when its owner has another of this name."""
        ...

    async def replace_key(self, old_id: str, new: ApiKey, *, old_until: datetime) -> None:
        """Store `new` under the name of the old key, which expires at `old_until`."""
        ...

    async def revoke_key(self, key_id: str, at: datetime) -> bool:
        """Says whether it was good until now."""
        ...


class Workspaces(Protocol):
    """Workspaces, their members and invitations. Every method raises Unavailable."""

    async def found(self, workspace: Workspace, admin: Account) -> tuple[Workspace, str]:
        """Make this the first workspace, with this admin, unless there is one; returns what is, and the admin's id."""
        ...

    async def workspace(self, workspace_id: str) -> Workspace | None:
        """One workspace."""
        ...

    async def add_workspace(self, workspace: Workspace, team: Team) -> None:
        """Keep a new one."""
        ...

    async def update_workspace(self, workspace_id: str, changes: dict[str, Any]) -> Workspace:
        """Set these fields. Raises NotFound."""
        ...

    async def grants(self, user_id: str) -> tuple[Grant, ...]:
        """Where the user may go, oldest workspace first."""
        ...

    async def team(self, workspace_id: str) -> Team:
        """Raises NotFound."""
        ...

    async def replace_team(self, team: Team) -> bool:
        """Keep it if the stored one is of the revision before; says whether it did."""
        ...

    async def add_invitation(self, invitation: Invitation) -> None:
        """Keep a new one."""
        ...

    async def invitation(self, token_hash: str) -> Invitation | None:
        """The one with this token, open or not."""
        ...

    async def invitations(self, workspace_id: str) -> Sequence[Invitation]:
        """All of a workspace."""
        ...

    async def use_invitation(self, invitation_id: str, now: datetime) -> bool:
        """Only one call for an open invitation is told True."""
        ...

    async def withdraw_invitation(self, workspace_id: str, invitation_id: str) -> bool:
        """Says whether it was there."""
        ...


class Accounts(Protocol):
    """People and their sessions. Every method raises Unavailable."""

    async def add_account(self, account: Account) -> None:
        """Raises Conflict when the address has an account."""
        ...

    async def account_by_email(self, email: str) -> Account | None: ...

    async def account(self, user_id: str) -> Account | None: ...

    async def users(self, user_ids: list[str]) -> Sequence[User]:
        """Those of them that exist."""
        ...

    async def set_password(self, user_id: str, password_hash: str, *, only_if_none: bool = False) -> bool:
        """Says whether it was set."""
        ...

    async def add_session(self, session: Session) -> None:
        """Keep a new one."""
        ...

    async def session(self, token_hash: str) -> Session | None:
        """The one with this token, good or not."""
        ...

    async def rotate_session(self, old_hash: str, renewed: Session, *, old_until: datetime) -> bool:
        """Give a session another token; only one call for each old token is told True."""
        ...

    async def end_session(self, session_id: str) -> Sequence[str]:
        """Returns the hashes of the tokens that are no good any more."""
        ...

    async def end_sessions(self, user_id: str, *, but: str | None = None) -> Sequence[str]:
        """As `end_session`, for all of a user except the session with the id `but`."""
        ...

    async def count_attempt(self, key: str, *, window_ends: datetime) -> int:
        """One more; returns how many there are."""
        ...

    async def forget_attempts(self, key: str) -> None:
        """Begin to count anew."""
        ...


class Passwords(Protocol):
    """Hashes of passwords. Every method raises Unavailable when too many are asked for at once."""

    async def hash(self, password: str) -> str: ...

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether it is this password; with None it takes as long, and is not."""
        ...


class AuditEntries(Protocol):
    """The audit log."""

    async def find(self, query: AuditQuery) -> Sequence[AuditEntry]:
        """Newest first. Raises Unavailable."""
        ...

    async def add(self, *entries: AuditEntry) -> None:
        """Keep them. Never raises: the deed is done."""
        ...


class Control(Protocol):
    """To every process."""

    async def broadcast(self, message: ControlMessage) -> None:
        """Raises Unavailable."""
        ...


class Tokens(NamedTuple):
    """What a bucket gave."""

    granted: int
    left: int
    resets_in: float
    """Seconds until there are more."""


class Buckets(Protocol):
    """The rate limits' buckets, shared by all gateways. Every method raises Unavailable."""

    async def take(self, bucket: str, rate: Rate, *, needed: int, spare: int, returned: int) -> Tokens:
        """Put `returned` tokens back, then take `needed` and up to `spare` more; fewer where there are not enough."""
        ...

    async def look(self, bucket: str, rate: Rate) -> Tokens:
        """How it stands; nothing is taken."""
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

    async def snapshot_draft(self, workspace_id: str, workflow_id: str, order: SnapshotDraft) -> DraftSnapshot:
        """Keep a state for a run of the draft. Raises InvalidWorkflow."""
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

    async def diff(self, workspace_id: str, workflow_id: str, *, before: str, after: str) -> Diff:
        """Between `draft`, `active` or a version's number. Raises NotDeployed."""
        ...

    async def problems(self, workspace_id: str, workflow_id: str) -> Problems:
        """What a deploy of the draft would say."""
        ...


class Environment(Protocol):
    """Environment values at deploy-service. Every method raises Unavailable.

    They belong to `place`: a workspace's id, or `user:` and a user's id.
    """

    async def value_names(self, place: str) -> EnvironmentNames: ...

    async def set_value(self, place: str, name: str, value: SetEnvironmentValue) -> None:
        """Raises InvalidRequest."""
        ...

    async def delete_value(self, place: str, name: str) -> None:
        """Raises NotFound."""
        ...


class DeployKeeper(Deployments, Authoring, Environment, Protocol):
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

    async def runs(
        self, workspace_id: str, workflow_id: str, *, limit: int, cursor: str | None, only: RunFilter = EVERY_RUN
    ) -> RunPage:
        """The runs of a workflow, newest first. Raises InvalidRequest for a cursor that is none."""
        ...

    async def logs(self, query: FindLogs) -> RunPage:
        """The runs of a workspace that a query finds. Raises InvalidRequest for a cursor that is none."""
        ...

    async def cancel(self, workspace_id: str, workflow_id: str, run_id: str) -> CancelAnswer:
        """Cancel a run. Raises NotFound, Conflict."""
        ...

    async def spend(self, workspace_id: str) -> Spend:
        """What the workspace spent on models this month."""
        ...

    async def cancel_all(self, workspace_id: str, workflow_id: str, only: RunFilter) -> CancelledRuns:
        """Cancel the runs of a workflow that are not over."""
        ...

    async def resume(self, run_id: str, asked: ResumeRun) -> ResumeAnswer:
        """End a pause. Raises NotFound, Conflict, PayloadTooLarge."""
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


class TenantDatabase(Keys, Workspaces, Accounts, Protocol):
    """The gateway's own database."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def ping(self) -> None:
        """Raises Unavailable unless it answers."""
        ...


Numbered = tuple[EventPosition, RunEvent]


class EventLog(Protocol):
    """Events of durable runs that were kept."""

    async def events(self, workspace_id: str, run_id: str, after: EventPosition) -> EventLogPage:
        """What is kept behind a position, and how the run stands. Raises NotFound, Unavailable."""
        ...


class RunKeeper(Jobs, Payloads, EventLog, Protocol):
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


class FollowedRun(Protocol):
    """One reader's view of a run that goes on without him."""

    @property
    def run_id(self) -> str: ...

    async def take(self) -> Sequence[Numbered]:
        """The events since the last call, waiting for at least one; none once the run is over, or paused.

        Raises StreamBroken, CallerGone, NotFound, Unavailable.
        """
        ...

    def hang_up(self) -> None:
        """The reader is gone, or has seen the end. The run goes on."""
        ...


class FollowedRuns(Protocol):
    """Brings the events of durable runs to those who read them, on whichever process they are."""

    @property
    def address(self) -> str | None:
        """Where workers send events for the readers of this process; None while the broker is away."""
        ...

    def expect(self, run: RunSpec) -> FollowedRun:
        """Follow a run that is about to be stored, with `address` as its listener. Raises Unavailable."""
        ...

    async def follow(self, workspace_id: str, run_id: str) -> FollowedRun:
        """Follow a run from its beginning, at whatever stage it is. Raises Unavailable."""
        ...


class FollowUps(Protocol):
    """jobs-service, as far as it is asked what became of runs and whom to tell. Every method raises Unavailable.

    Those that name a thing raise NotFound where the workspace has none of this id.
    """

    async def dead_letters(self, workspace_id: str, *, limit: int, cursor: str | None) -> DeadLetterPage:
        """The workspace's and nobody's, newest first. Raises InvalidRequest for a cursor that is none."""
        ...

    async def redrive_letter(self, workspace_id: str, letter_id: str, *, concurrency: int) -> RunAccepted | None:
        """Raises Conflict where nothing can be done with it, AtCapacity."""
        ...

    async def discard_letter(self, workspace_id: str, letter_id: str) -> None: ...

    async def redrive_run(self, workspace_id: str, run_id: str, *, concurrency: int) -> RunAccepted:
        """Raises Conflict unless the run failed, AtCapacity."""
        ...

    async def subscriptions(self, workspace_id: str) -> tuple[Subscription, ...]: ...

    async def subscription(self, workspace_id: str, subscription_id: str) -> Subscription: ...

    async def subscribe(self, workspace_id: str, asked: SaveSubscription) -> Subscription:
        """Raises InvalidRequest (a closed address), Conflict (there are enough)."""
        ...

    async def replace_subscription(
        self, workspace_id: str, subscription_id: str, asked: SaveSubscription
    ) -> Subscription:
        """Raises InvalidRequest."""
        ...

    async def unsubscribe(self, workspace_id: str, subscription_id: str) -> None: ...

    async def try_out(self, workspace_id: str, subscription_id: str) -> TestResult: ...

    async def deliveries(
        self, workspace_id: str, subscription_id: str | None, *, limit: int, cursor: str | None
    ) -> DeliveryPage: ...

    async def resend(self, workspace_id: str, delivery_id: str) -> None: ...

    async def callback_secret(self, workspace_id: str) -> str:
        """Raises InvalidRequest where no secret can be kept."""
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
