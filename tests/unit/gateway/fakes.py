"""The gateway's outside, in memory: a key store, deploy-service, jobs-service and a worker that plays a script."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from tests.unit.gateway.erasures import FakeEraser, FakeErasures
from tests.unit.gateway.people import FakeAccounts, FakeEnvironment, FakeWorkspaces

from gateway.domain.credentials import ALL_SCOPES, ApiKey, Credential, Grant, Scope, Workspace
from gateway.domain.people import Role, Session
from gateway.domain.plans import PlanName
from gateway.domain.rate_limits import Rate
from gateway.ports import EVERY_RUN, Tokens
from shared.broker.ports import Broker, Delivery, Settlement
from shared.broker.topology import INTERACTIVE
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
    ImportWorkflow,
    Problems,
    SaveDraft,
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
from shared.contracts.events import RunEnded, RunEvent
from shared.contracts.jobs import (
    AcceptRun,
    CancelAnswer,
    CancelledRuns,
    QueueStanding,
    ResumeAnswer,
    ResumeRun,
    RunAccepted,
    RunFilter,
    RunPage,
    RunView,
    Spend,
)
from shared.contracts.logs import FindLogs
from shared.contracts.messages import AttachedRunRequested, CancelRun, ControlMessage, EventBatch
from shared.contracts.runs import Payload, RunError, RunMode, RunOutcome, RunSpec, RunStatus, Trigger, Usage
from shared.errors import Conflict, InvalidRequest, InvalidWorkflow, NotDeployed, NotFound, RunIdTaken, Unavailable
from shared.security.keys import hash_key, mask_key, new_key
from shared.workflow.importing import read_import

JOB = "run_0123456789abcdef0123"
NOON = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
WORKSPACE = Workspace(id="WS1", name="First", plan=PlanName.FREE, created_at=NOON)
OTHER = Workspace(id="WS2", name="Second", plan=PlanName.PRO, created_at=NOON)


class HandClock:
    """Moves only when told."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        self.seconds += seconds


class FakeTenants(FakeWorkspaces, FakeAccounts, FakeErasures):
    """Implements TenantDatabase."""

    def __init__(self) -> None:
        FakeWorkspaces.__init__(self, WORKSPACE, OTHER)
        FakeAccounts.__init__(self)
        FakeErasures.__init__(self)
        self.keys: dict[str, ApiKey] = {}
        self.uses: list[str] = []
        self.finds = 0
        self.is_down = False

    async def start(self) -> None:
        """Nothing to open."""

    async def stop(self) -> None:
        """Nothing to close."""

    async def ping(self) -> None:
        self._check()

    async def find(self, key_hash: str) -> Credential | None:
        self._check()
        self.finds += 1
        key = self.keys.get(key_hash)
        if key is None:
            return None
        if key.workspace_id is not None:
            return Credential(key, (Grant(self.workspaces[key.workspace_id], Role.ADMIN),))
        owner = self.accounts.get(key.user_id or "")
        return None if owner is None else Credential(key, await self.grants(owner.user.id), owner.user)

    async def workspace(self, workspace_id: str) -> Workspace | None:
        self._check()
        return self.workspaces.get(workspace_id)

    async def session(self, token_hash: str) -> Session | None:
        self._check()
        return await FakeAccounts.session(self, token_hash)

    async def record_uses(self, uses: Mapping[str, datetime]) -> None:
        self._check()
        self.uses += uses

    async def has_keys(self, workspace_id: str) -> bool:
        return any(key.workspace_id == workspace_id for key in self.keys.values())

    async def add_key(self, key: ApiKey) -> None:
        if any(self._clashes(key, each) for each in self.keys.values()):
            raise Conflict("it exists already")
        self.keys[key.key_hash] = key

    async def key(self, key_id: str) -> ApiKey | None:
        return next((key for key in self.keys.values() if key.id == key_id), None)

    async def keys_of(self, *, workspace_id: str | None, user_id: str | None) -> Sequence[ApiKey]:
        owned = [key for key in self.keys.values() if (key.workspace_id, key.user_id) == (workspace_id, user_id)]
        return [key for key in reversed(owned) if key.revoked_at is None]

    async def rename_key(self, key_id: str, name: str) -> None:
        found = await self.key(key_id)
        assert found is not None
        renamed = msgspec.structs.replace(found, name=name)
        if any(self._clashes(renamed, each) for each in self.keys.values() if each.id != key_id):
            raise Conflict("it exists already")
        self.keys[found.key_hash] = renamed

    async def replace_key(self, old_id: str, new: ApiKey, *, old_until: datetime) -> None:
        old = await self.key(old_id)
        assert old is not None
        self.keys[old.key_hash] = msgspec.structs.replace(old, expires_at=old_until, holds_name=False)
        await self.add_key(new)

    async def revoke_key(self, key_id: str, at: datetime) -> bool:
        found = await self.key(key_id)
        if found is None or found.revoked_at is not None:
            return False
        self.keys[found.key_hash] = msgspec.structs.replace(found, revoked_at=at)
        return True

    def _clashes(self, new: ApiKey, known: ApiKey) -> bool:
        owners = (new.workspace_id, new.user_id, new.name) == (known.workspace_id, known.user_id, known.name)
        return owners and known.revoked_at is None and known.holds_name

    def issue(
        self,
        workspace: Workspace = WORKSPACE,
        scopes: frozenset[Scope] = ALL_SCOPES,
        *,
        expires_at: datetime | None = None,
        rate_limit: int | None = None,
        workflow_ids: tuple[str, ...] | None = None,
    ) -> str:
        clear = new_key()
        key = ApiKey(
            id=f"key{len(self.keys)}",
            workspace_id=workspace.id,
            name=f"k{len(self.keys)}",
            key_hash=hash_key(clear),
            display=mask_key(clear),
            scopes=scopes,
            created_by="someone",
            created_at=NOON,
            expires_at=expires_at,
            rate_limit=rate_limit,
            workflow_ids=workflow_ids,
        )
        self.keys[key.key_hash] = key
        return clear

    def revoke(self, clear: str) -> None:
        key_hash = hash_key(clear)
        self.keys[key_hash] = msgspec.structs.replace(self.keys[key_hash], revoked_at=NOON)

    def _check(self) -> None:
        if self.is_down:
            raise Unavailable("mongodb://secret-host is away")


class FakeBuckets:
    """Implements Buckets, and counts the questions. An answer takes `answer_seconds` to arrive."""

    def __init__(self, clock: HandClock) -> None:
        self._clock = clock
        self.answer_seconds = 0.0
        self.left: dict[str, int] = {}
        self.turned: dict[str, float] = {}
        self.questions = 0
        self.is_down = False

    async def take(self, bucket: str, rate: Rate, *, needed: int, spare: int, returned: int) -> Tokens:
        self._turn(bucket, rate)
        left = min(rate.burst, self.left[bucket] + returned)
        granted = min(left, needed + min(spare, left // 8))
        self.left[bucket] = left - granted
        tokens = Tokens(granted, self.left[bucket], self._resets_in(bucket, rate))
        await asyncio.sleep(0)
        self._clock.advance(self.answer_seconds)
        return tokens

    async def look(self, bucket: str, rate: Rate) -> Tokens:
        self._turn(bucket, rate)
        return Tokens(0, self.left[bucket], self._resets_in(bucket, rate))

    def _turn(self, bucket: str, rate: Rate) -> None:
        self.questions += 1
        if self.is_down:
            raise Unavailable("The store of the rate limits does not answer")
        now = self._clock.monotonic()
        turned = self.turned.setdefault(bucket, now)
        windows = int((now - turned) / rate.window_seconds)
        self.left[bucket] = min(rate.burst, self.left.get(bucket, rate.burst) + windows * rate.per_window)
        self.turned[bucket] = turned + windows * rate.window_seconds

    def _resets_in(self, bucket: str, rate: Rate) -> float:
        return self.turned[bucket] + rate.window_seconds - self._clock.monotonic()


class FakeDeployments(FakeEnvironment, FakeEraser):
    """Implements DeployKeeper."""

    def __init__(self) -> None:
        FakeEnvironment.__init__(self)
        FakeEraser.__init__(self)
        self.endpoints: dict[str, Endpoint] = {}
        self.version_details: dict[tuple[str, int], VersionDetail] = {}
        self.drafts: dict[str, Draft] = {}
        self.descriptions: dict[str, str] = {}
        self.folders: dict[str, str] = {}
        self.kept_drafts: list[dict[str, Any]] = []
        self.looks = 0
        self.is_down = False
        self.refusal: Exception | None = None

    async def endpoint(self, workflow_id: str) -> Endpoint:
        self.looks += 1
        if self.is_down:
            raise Unavailable("http://deploy:8081 is away")
        if workflow_id not in self.endpoints:
            raise NotFound("Workflow not found")
        return self.endpoints[workflow_id]

    async def version(self, workspace_id: str, workflow_id: str, number: int) -> VersionDetail:
        self._own(workspace_id, workflow_id)
        if (workflow_id, number) not in self.version_details:
            raise NotFound("Deployment version not found")
        return self.version_details[workflow_id, number]

    async def page(
        self, workspace_id: str, *, cursor: str | None, limit: int, deployed_only: bool, folder_id: str | None = None
    ) -> WorkflowPage:
        every = [self._workflow(each) for each in self.endpoints.values() if each.workspace_id == workspace_id]
        found = [
            each
            for each in every
            if (each.endpoint.is_deployed or not deployed_only) and folder_id in (None, each.folder_id)
        ]
        start = int(cursor or 0)
        more = len(found) > start + limit
        return WorkflowPage(tuple(found[start : start + limit]), str(start + limit) if more else None)

    async def create(self, request: CreateWorkflow) -> Workflow:
        return self._add(request.workspace_id, request.name, request.description, request.state or {})

    async def import_file(self, request: ImportWorkflow) -> Workflow:
        file = read_import(request.workflow)
        return self._add(
            request.workspace_id,
            request.name or file.name or "Imported workflow",
            request.description or "",
            file.state,
        )

    async def get(self, workspace_id: str, workflow_id: str) -> Workflow:
        return self._workflow(self._own(workspace_id, workflow_id))

    async def update(self, workspace_id: str, workflow_id: str, change: UpdateWorkflow) -> Workflow:
        known = self._own(workspace_id, workflow_id)
        if change.name is not msgspec.UNSET:
            self.endpoints[workflow_id] = msgspec.structs.replace(known, name=change.name)
        if change.description is not msgspec.UNSET:
            self.descriptions[workflow_id] = change.description
        return self._workflow(self.endpoints[workflow_id])

    async def archive(self, workspace_id: str, workflow_id: str) -> None:
        self._own(workspace_id, workflow_id)
        del self.endpoints[workflow_id]

    async def export(self, workspace_id: str, workflow_id: str) -> msgspec.Raw:
        self._own(workspace_id, workflow_id)
        return msgspec.Raw(msgspec.json.encode({"version": "1.0", "state": self.drafts[workflow_id].state}))

    async def draft(self, workspace_id: str, workflow_id: str) -> Draft:
        self._own(workspace_id, workflow_id)
        return self.drafts[workflow_id]

    async def save_draft(self, workspace_id: str, workflow_id: str, save: SaveDraft) -> DraftSaved:
        self._own(workspace_id, workflow_id)
        if "blocks" not in save.state:
            raise InvalidWorkflow("Invalid workflow: Missing or invalid field: blocks")
        revision = self.drafts[workflow_id].revision + 1
        self.drafts[workflow_id] = Draft(state=save.state, revision=revision, saved_at=NOON)
        return DraftSaved(revision, NOON)

    async def snapshot_draft(self, workspace_id: str, workflow_id: str, order: SnapshotDraft) -> DraftSnapshot:
        self._own(workspace_id, workflow_id)
        self.kept_drafts.append(order.state or self.drafts[workflow_id].state)
        return DraftSnapshot(f"draft{len(self.kept_drafts)}", ("agent",))

    async def load_draft(self, workspace_id: str, workflow_id: str, version: str) -> DraftSaved:
        endpoint = self._own(workspace_id, workflow_id)
        number = endpoint.version if version == "active" else int(version)
        detail = await self.version(workspace_id, workflow_id, number or 0)
        return await self.save_draft(workspace_id, workflow_id, SaveDraft(state=detail.state))

    async def diff(self, workspace_id: str, workflow_id: str, *, before: str, after: str) -> Diff:
        self._own(workspace_id, workflow_id)
        return Diff(())

    async def problems(self, workspace_id: str, workflow_id: str) -> Problems:
        self._own(workspace_id, workflow_id)
        return Problems((), ())

    async def status(self, workspace_id: str, workflow_id: str) -> DeploymentStatus:
        endpoint = self._own(workspace_id, workflow_id)
        live = self.version_details.get((workflow_id, endpoint.version or 0))
        return DeploymentStatus(endpoint, live is not None and live.state != self.drafts[workflow_id].state)

    async def deploy(self, workspace_id: str, workflow_id: str, order: Deploy) -> Deployed:
        if self.refusal is not None:
            raise self.refusal
        self._own(workspace_id, workflow_id)
        number = 1 + max((known for owner, known in self.version_details if owner == workflow_id), default=0)
        self.put(workflow_id, workspace_id=workspace_id, version=number, order=order)
        return Deployed(version=self.version_details[workflow_id, number].version, endpoint=self.endpoints[workflow_id])

    async def promote(self, workspace_id: str, workflow_id: str, number: int) -> Deployed:
        detail = await self.version(workspace_id, workflow_id, number)
        known = self.endpoints[workflow_id]
        self.endpoints[workflow_id] = msgspec.structs.replace(
            known,
            revision=known.revision + 1,
            version=number,
            version_id=detail.version.id,
            snapshot_hash=detail.version.snapshot_hash,
        )
        return Deployed(version=detail.version, endpoint=self.endpoints[workflow_id])

    async def undeploy(self, workspace_id: str, workflow_id: str) -> Endpoint:
        known = self._own(workspace_id, workflow_id)
        if not known.is_deployed:
            raise NotDeployed("Workflow is not deployed")
        self.undeployed(workflow_id, workspace_id=workspace_id, public=known.is_public)
        return self.endpoints[workflow_id]

    async def set_access(self, workspace_id: str, workflow_id: str, change: UpdateAccess) -> Workflow:
        known = self._own(workspace_id, workflow_id)
        if change.is_public is not msgspec.UNSET:
            self.endpoints[workflow_id] = msgspec.structs.replace(known, is_public=change.is_public)
        return self._workflow(self.endpoints[workflow_id])

    async def versions(self, workspace_id: str, workflow_id: str, *, before: int | None, limit: int) -> VersionPage:
        live = self._own(workspace_id, workflow_id).version
        numbers = sorted((number for owner, number in self.version_details if owner == workflow_id), reverse=True)
        wanted = [number for number in numbers if before is None or number < before]
        shown = tuple(
            msgspec.structs.replace(self.version_details[workflow_id, number].version, is_live=number == live)
            for number in wanted[:limit]
        )
        return VersionPage(shown, shown[-1].number if len(wanted) > limit else None)

    async def update_version(self, workspace_id: str, workflow_id: str, number: int, change: UpdateVersion) -> Version:
        detail = await self.version(workspace_id, workflow_id, number)
        given = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not msgspec.UNSET}
        changed = msgspec.structs.replace(detail.version, **given)
        self.version_details[workflow_id, number] = msgspec.structs.replace(detail, version=changed)
        return changed

    def put(
        self,
        workflow_id: str,
        *,
        workspace_id: str = "WS1",
        public: bool = False,
        version: int = 1,
        order: Deploy | None = None,
    ) -> Endpoint:
        """A workflow whose live version is `version`."""
        known = self.endpoints.get(workflow_id)
        self.drafts.setdefault(workflow_id, Draft(state={"blocks": {}, "edges": []}, revision=1, saved_at=NOON))
        self.endpoints[workflow_id] = Endpoint(
            workflow_id=workflow_id,
            workspace_id=workspace_id,
            name=f"Workflow {workflow_id}",
            revision=(known.revision if known else 0) + 1,
            is_public=public,
            version=version,
            version_id=f"{workflow_id}-v{version}",
            snapshot_hash=f"hash{version}",
            deployed_at=NOON,
        )
        made = Version(
            id=f"{workflow_id}-v{version}",
            workflow_id=workflow_id,
            number=version,
            snapshot_hash=f"hash{version}",
            is_live=True,
            created_at=NOON,
            created_by=order.actor_id if order else "someone",
            deployed_by=order.actor_name if order else "Some One",
            name=order.name if order else None,
            description=order.description if order else None,
        )
        self.version_details[workflow_id, version] = VersionDetail(made, self.drafts[workflow_id].state)
        return self.endpoints[workflow_id]

    def undeployed(self, workflow_id: str, *, workspace_id: str = "WS1", public: bool = False) -> None:
        """A workflow of which nothing is live."""
        known = self.endpoints.get(workflow_id)
        self.drafts.setdefault(workflow_id, Draft(state={"blocks": {}, "edges": []}, revision=1, saved_at=NOON))
        self.endpoints[workflow_id] = Endpoint(
            workflow_id=workflow_id,
            workspace_id=workspace_id,
            name="Never",
            revision=(known.revision if known else 0) + 1,
            is_public=public,
        )

    def _own(self, workspace_id: str, workflow_id: str) -> Endpoint:
        endpoint = self.endpoints.get(workflow_id)
        if endpoint is None or endpoint.workspace_id != workspace_id:
            raise NotFound("Workflow not found")
        return endpoint

    def _workflow(self, endpoint: Endpoint) -> Workflow:
        return Workflow(
            id=endpoint.workflow_id,
            workspace_id=endpoint.workspace_id,
            name=endpoint.name,
            description=self.descriptions.get(endpoint.workflow_id, ""),
            folder_id=self.folders.get(endpoint.workflow_id),
            created_at=NOON,
            updated_at=NOON,
            endpoint=endpoint,
        )

    def _add(self, workspace_id: str, name: str, description: str, state: dict[str, Any]) -> Workflow:
        workflow_id = f"new{len(self.endpoints)}"
        self.drafts[workflow_id] = Draft(state=state, revision=1, saved_at=NOON)
        self.descriptions[workflow_id] = description
        self.endpoints[workflow_id] = Endpoint(
            workflow_id=workflow_id, workspace_id=workspace_id, name=name, revision=1
        )
        return self._workflow(self.endpoints[workflow_id])


def last_of(batch: EventBatch) -> EventPosition:
    """Where the last event of a batch stands."""
    return EventPosition(batch.attempt, batch.first + len(batch.events) - 1)


async def nothing(_: str) -> None:
    """Nothing happens meanwhile."""


class FakeJobs(FakeEraser):
    """Implements RunKeeper."""

    def __init__(self) -> None:
        FakeEraser.__init__(self)
        self.accepted: list[AcceptRun] = []
        self.views: dict[str, RunView] = {}
        self.cancels: list[str] = []
        self.claimed: set[tuple[str, str]] = set()
        self.blobs: dict[str, bytes] = {}
        self.refusal: Exception | None = None
        self.inline_limit = 1024 * 1024
        self.spent: dict[str, float] = {}
        self.searches: list[FindLogs] = []
        self.filters: list[RunFilter] = []
        self.resumed: dict[str, Any] = {}
        self.kept: dict[str, list[EventBatch]] = {}
        self.shows_accepted = False
        self.while_cancelling: Callable[[str], Awaitable[None]] = nothing

    async def spend(self, workspace_id: str) -> Spend:
        if self.refusal is not None:
            raise self.refusal
        return Spend(workspace_id, "2026-11", Usage(cost_usd=self.spent.get(workspace_id, 0.0)))

    async def queue(self, workspace_id: str) -> QueueStanding:
        return QueueStanding(len(self.accepted), 1000, None)

    async def accept(self, request: AcceptRun) -> RunAccepted:
        if self.refusal is not None:
            raise self.refusal
        await self.claim_run_id(request.run.snapshot.workspace_id, request.run.run_id)
        self.accepted.append(request)
        if self.shows_accepted:
            self.views[request.run.run_id] = _queued(request.run)
        return RunAccepted(request.run.run_id, JOB, NOON)

    async def job(self, job_id: str) -> RunView:
        for view in self.views.values():
            if view.job_id == job_id:
                return view
        raise NotFound("no such job")

    async def run(self, workspace_id: str, run_id: str, *, output: bool = False, blocks: bool = False) -> RunView:
        view = self.views.get(run_id)
        if view is None or view.workspace_id != workspace_id:
            raise NotFound("no such run")
        hidden = {} if blocks else {"blocks": ()}
        return (
            msgspec.structs.replace(view, **hidden) if output else msgspec.structs.replace(view, output=None, **hidden)
        )

    async def runs(
        self, workspace_id: str, workflow_id: str, *, limit: int, cursor: str | None, only: RunFilter = EVERY_RUN
    ) -> RunPage:
        self.filters.append(only)
        found = [
            run
            for run in self.views.values()
            if (run.workspace_id, run.workflow_id) == (workspace_id, workflow_id) and only.status in (None, run.status)
        ]
        start = int(cursor or 0)
        more = len(found) > start + limit
        return RunPage(tuple(found[start : start + limit]), str(start + limit) if more else None)

    async def logs(self, query: FindLogs) -> RunPage:
        self.searches.append(query)
        if query.cursor == "none of ours":
            raise InvalidRequest("the cursor is none of ours")
        found = tuple(run for run in self.views.values() if run.workspace_id == query.workspace_id)
        return RunPage(found[: query.limit], "more" if len(found) > query.limit else None)

    async def cancel(self, workspace_id: str, workflow_id: str, run_id: str) -> CancelAnswer:
        self.cancels.append(run_id)
        await self.while_cancelling(run_id)
        view = self.views.get(run_id)
        if view is None:
            return CancelAnswer(run_id, "recorded")
        if (view.workspace_id, view.workflow_id) != (workspace_id, workflow_id):
            raise NotFound("no such run")
        if view.status in (RunStatus.COMPLETED, RunStatus.FAILED):
            raise Conflict(f"Execution cannot be cancelled while {view.status}")
        if view.status is RunStatus.CANCELLED:
            return CancelAnswer(run_id, "already_cancelled")
        self.views[run_id] = msgspec.structs.replace(view, status=RunStatus.CANCELLED)
        return CancelAnswer(run_id, "queue_cancelled" if view.status is RunStatus.QUEUED else "recorded")

    async def cancel_all(self, workspace_id: str, workflow_id: str, only: RunFilter) -> CancelledRuns:
        self.filters.append(only)
        return CancelledRuns(("E1", "E2"), has_more=True)

    async def resume(self, run_id: str, asked: ResumeRun) -> ResumeAnswer:
        if asked.context_id in self.resumed:
            raise Conflict("Pause context has already been resumed")
        self.resumed[asked.context_id] = msgspec.json.decode(asked.answer)
        return ResumeAnswer(run_id, is_next=len(self.resumed) == 1)

    async def events(self, workspace_id: str, run_id: str, after: EventPosition) -> EventLogPage:
        view = await self.run(workspace_id, run_id)
        kept = self.kept.get(run_id, [])
        return EventLogPage(view.status, tuple(batch for batch in kept if last_of(batch) > after))

    async def claim_run_id(self, workspace_id: str, run_id: str) -> None:
        if self.refusal is not None:
            raise self.refusal
        if (workspace_id, run_id) in self.claimed:
            raise RunIdTaken("taken")
        self.claimed.add((workspace_id, run_id))

    async def release_run_id(self, workspace_id: str, run_id: str) -> None:
        self.claimed.discard((workspace_id, run_id))

    async def put(self, workspace_id: str, document: bytes) -> Payload:
        if len(document) <= self.inline_limit:
            return Payload(inline=msgspec.Raw(document), size=len(document))
        self.blobs["blob1"] = document
        return Payload(blob_id="blob1", size=len(document))

    async def get(self, workspace_id: str, payload: Payload) -> bytes:
        if payload.blob_id is None:
            return bytes(payload.inline)
        if payload.blob_id not in self.blobs:
            raise NotFound("no such blob")
        return self.blobs[payload.blob_id]


def _queued(run: RunSpec) -> RunView:
    return a_view(
        RunStatus.QUEUED,
        run_id=run.run_id,
        workflow_id=run.snapshot.workflow_id,
        mode=run.mode,
        trigger=run.trigger,
        conversation_id=run.conversation_id,
    )


def outcome(
    output: object = None,
    *,
    status: RunStatus = RunStatus.COMPLETED,
    error: RunError | None = None,
    is_response: bool = False,
) -> RunOutcome:
    """A run of 163.4 ms that began at noon."""
    document = msgspec.json.encode({} if output is None else output)
    return RunOutcome(
        status=status,
        output=Payload(inline=msgspec.Raw(document), size=len(document)),
        error=error,
        started_at=NOON,
        ended_at=NOON + timedelta(milliseconds=163),
        duration_ms=163.4,
        is_response=is_response,
    )


def a_view(status: RunStatus, **fields: Any) -> RunView:
    """The run `E1` of workflow `W`, created at noon."""
    known: dict[str, Any] = {
        "run_id": "E1",
        "job_id": JOB,
        "workspace_id": "WS1",
        "workflow_id": "W",
        "status": status,
        "mode": RunMode.ASYNC,
        "trigger": Trigger.API,
        "created_at": NOON,
    }
    return RunView(**known | fields)


Script = Callable[[RunSpec], Sequence[Sequence[RunEvent]]]
"""The batches that a worker sends for a run."""

Send = Callable[[int, Sequence[RunEvent]], Awaitable[None]]
"""Sends the batch with this number."""


def ends(with_outcome: RunOutcome) -> Script:
    """A run that says nothing but how it ended."""
    return lambda run: [[RunEnded(with_outcome)]]


def echoes(run: RunSpec) -> Sequence[Sequence[RunEvent]]:
    """A run whose output is its input."""
    return [[RunEnded(outcome({"result": msgspec.json.decode(run.input.inline), "stdout": ""}))]]


@dataclass
class FakeWorker:
    """Takes attached runs from the broker and plays `script`; in place of it, `perform` may do as it likes."""

    broker: Broker
    script: Script = echoes
    perform: Callable[[RunSpec, Send], Awaitable[None]] | None = None
    runs: list[RunSpec] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)

    async def start(self) -> None:
        await self.broker.work.consume(INTERACTIVE, self._work, prefetch=100)
        await self.broker.control.listen(self._on_control)

    async def _work(self, delivery: Delivery) -> Settlement:
        request = delivery.message
        assert isinstance(request, AttachedRunRequested)
        self.runs.append(request.run)

        async def send(seq: int, events: Sequence[RunEvent]) -> None:
            batch = EventBatch(request.run.run_id, seq, tuple(events))
            await self.broker.replies.send(request.reply_to, batch, must_route=True)

        if self.perform is not None:
            await self.perform(request.run, send)
            return Settlement.ACK
        for seq, events in enumerate(self.script(request.run)):
            await send(seq, events)
        return Settlement.ACK

    def _on_control(self, message: ControlMessage) -> None:
        if isinstance(message, CancelRun):
            self.cancelled.append(message.run_id)
