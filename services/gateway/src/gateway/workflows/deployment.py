"""Deployment of workflows, and the gate before it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import msgspec
from msgspec import UNSET

from gateway.access.audit import AuditLog
from gateway.access.credentials import Caller, Scope
from gateway.access.plans import Plans
from gateway.workflows.drafts import UndeployedAlready
from gateway.workflows.endpoints import Endpoints
from shared.clients.deploy.workflows import HttpDeployClient
from shared.clients.jobs.recordings import HttpRecordingClient
from shared.clients.jobs.replay_sets import HttpReplaySetClient
from shared.contracts.deployments import Deploy, Deployed, DraftSaved, Endpoint, UpdateAccess, Workflow
from shared.contracts.replay_sets import ReplaySet, ReplaySetStatus
from shared.errors import Conflict, ContentChanged, InvalidRequest, NotDeployed, NotFound


@dataclass(frozen=True, slots=True)
class Gate:
    """Replay that must have passed. `override` is the reason to deploy even if it has not."""

    replay_id: str
    override: str | None = None


class GateRefused(Conflict):
    """The replay does not permit the deploy; `details.code` says why."""

    code: ClassVar[str] = "REPLAY_GATE_REFUSED"


def other_content(replay_id: str) -> GateRefused:
    """Return the refusal of content that was not replayed."""
    return _refused(
        "REPLAY_OTHER_CONTENT", replay_id, "The replay ran on other content than this one. Replay it again."
    )


def not_found(replay_id: str) -> GateRefused:
    """Return the refusal of a replay that this workflow does not have."""
    return _refused("REPLAY_NOT_FOUND", replay_id, "The workflow has no such replay")


def refusal_of(replay: ReplaySet, content: str | None = None) -> GateRefused | None:
    """Return why a replay does not permit to deploy `content`; with None, any content."""
    if replay.status is not ReplaySetStatus.PASSED:
        code, message = _STATES[replay.status]
        reasons = list(replay.refusals)
        text = f"{message}: {'; '.join(reasons)}" if reasons else message
        return _refused(code, replay.id, text, refusals=reasons)
    if content not in (None, replay.snapshot_hash):
        return other_content(replay.id)
    return None


_STATES: Final = {
    ReplaySetStatus.RUNNING: ("REPLAY_RUNNING", "The replay has not ended"),
    ReplaySetStatus.REFUSED: ("REPLAY_REFUSED", "The replay exceeds its thresholds"),
    ReplaySetStatus.CANCELED: ("REPLAY_CANCELED", "The replay was canceled"),
}


def _refused(code: str, replay_id: str, message: str, **more: Any) -> GateRefused:
    return GateRefused(message, details={"code": code, "replayId": replay_id, **more})


class DeploymentService:
    """Service that changes workflows' live versions and access, and writes the audit log.

    This process invalidates its caches immediately, and returns once all other gateways' leases have expired: every
    gateway then runs the new version.
    """

    def __init__(
        self,
        authoring: HttpDeployClient,
        endpoints: Endpoints,
        audit: AuditLog,
        settle: Callable[[], Awaitable[None]],
        *,
        recordings: HttpRecordingClient,
        replays: HttpReplaySetClient,
        plans: Plans,
    ) -> None:
        self._replays = replays
        self._recordings = recordings
        self._plans = plans
        self._authoring = authoring
        self._endpoints = endpoints
        self._audit = audit
        self._settle = settle

    async def deploy(
        self,
        caller: Caller,
        workflow_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        expected_revision: int | None = None,
        accepted_warnings: Sequence[str] | None = None,
        gate: Gate | None = None,
    ) -> Deployed:
        """Deploy the draft as a new version; with `expected_revision`, only if the draft has that revision.

        With `accepted_warnings`, refuses a draft with any other warning; with `gate`, one whose content differs from
        that of the replay, or whose replay has not passed.

        Raises MissingScope, NotFound, PreconditionFailed, GateRefused, InvalidWorkflow, Unavailable.
        """
        caller.require(Scope.DEPLOY)
        before = await self._live(workflow_id)
        request = Deploy(
            actor_id=caller.user.id if caller.user else caller.actor_id,
            actor_name=caller.actor_name,
            name=name,
            description=description,
            expected_revision=expected_revision,
            accepted_warnings=None if accepted_warnings is None else tuple(accepted_warnings),
        )
        deployed, refusal = await self._deploy(caller, workflow_id, request, gate)
        self._endpoints.forget(workflow_id)
        await self._record_audit(caller, "workflow.deployed", deployed.endpoint, before)
        await self._record_override(caller, deployed.endpoint, gate, refusal)
        await self._settle()
        return deployed

    async def promote(self, caller: Caller, workflow_id: str, number: int, *, gate: Gate | None = None) -> Deployed:
        """Make a version live; with `gate`, only if its replay has passed on this version.

        Raises MissingScope, NotFound, GateRefused, Unavailable.
        """
        caller.require(Scope.DEPLOY)
        refusal = await self._gate_version(caller, workflow_id, number, gate)
        before = await self._live(workflow_id)
        promoted = await self._authoring.promote(caller.workspace.id, workflow_id, number)
        self._endpoints.forget(workflow_id)
        await self._record_audit(caller, "workflow.promoted", promoted.endpoint, before)
        await self._record_override(caller, promoted.endpoint, gate, refusal)
        await self._settle()
        return promoted

    async def roll_back(
        self, caller: Caller, workflow_id: str, number: int | None, *, gate: Gate | None = None
    ) -> Deployed:
        """Make version `number` live, or the one before the live one.

        Raises MissingScope, NotFound, UndeployedAlready, InvalidRequest (no earlier version), GateRefused, Unavailable.
        """
        caller.require(Scope.DEPLOY)
        live = (await self._authoring.status(caller.workspace.id, workflow_id)).endpoint.version
        if live is None:
            raise UndeployedAlready
        number = number or await self._previous_version(caller, workflow_id, live)
        return await self.promote(caller, workflow_id, number, gate=gate)

    async def undeploy(self, caller: Caller, workflow_id: str) -> Endpoint:
        """Undeploy the workflow. Raises MissingScope, NotFound, UndeployedAlready, Unavailable."""
        caller.require(Scope.DEPLOY)
        before = await self._live(workflow_id)
        try:
            endpoint = await self._authoring.undeploy(caller.workspace.id, workflow_id)
        except NotDeployed:
            raise UndeployedAlready from None
        self._endpoints.forget(workflow_id)
        await self._record_audit(caller, "workflow.undeployed", endpoint, before)
        await self._settle()
        return endpoint

    async def set_access(self, caller: Caller, workflow_id: str, change: UpdateAccess) -> Workflow:
        """Set access to a workflow, and which data of its runs is stored and recorded.

        A workflow that stores no data has no recordings: they are deleted before this returns. Raises MissingScope,
        NotFound, InvalidRequest, Unavailable.
        """
        caller.require(Scope.ADMIN)
        self._check_recording(caller, change)
        found = await self._endpoints.find(workflow_id)
        if found is not None and change.stores_data is False:  # first, so that a crash during the change leaves none
            await self._recordings.delete_of_workflow(caller.workspace.id, workflow_id, before=found.revision)
        changed = await self._authoring.set_access(caller.workspace.id, workflow_id, change)
        self._endpoints.forget(workflow_id)
        if change.stores_data is False:
            revision = changed.endpoint.revision
            await self._recordings.delete_of_workflow(caller.workspace.id, workflow_id, before=revision)
        await self._audit.record(
            caller,
            "workflow.access_changed",
            target_id=workflow_id,
            target_name=changed.name,
            before=None if found is None else _access(found),
            after=_access(changed.endpoint),
        )
        await self._settle()
        if change.stores_data is False:  # until now, other gateways may have started runs that store data
            await self._recordings.delete_of_workflow(caller.workspace.id, workflow_id, before=revision)
        return changed

    async def archive(self, caller: Caller, workflow_id: str) -> None:
        """Archive the workflow, which can be restored until it is permanently deleted.

        Raises Forbidden, NotFound, Unavailable.
        """
        caller.require(Scope.DEPLOY)
        found = await self._endpoints.get(workflow_id)
        await self._recordings.delete_of_workflow(caller.workspace.id, workflow_id, before=found.revision)
        await self._audit.record(caller, "workflow.deleted", target_id=workflow_id, target_name=found.name)
        # Last: an archived workflow is not found, so a repeat after a failure could not do the steps above.
        await self._authoring.archive(caller.workspace.id, workflow_id)
        self._endpoints.forget(workflow_id)
        await self._settle()

    async def load(self, caller: Caller, workflow_id: str, version: str) -> DraftSaved:
        """Load a version (`active` or a number) as the draft. Raises Forbidden, NotFound, NotDeployed, Unavailable."""
        caller.require(Scope.DEPLOY)
        saved = await self._authoring.load_draft(caller.workspace.id, workflow_id, version)
        await self._audit.record(caller, "workflow.version_loaded", target_id=workflow_id, after={"version": version})
        return saved

    async def _deploy(
        self, caller: Caller, workflow_id: str, request: Deploy, gate: Gate | None
    ) -> tuple[Deployed, GateRefused | None]:
        """Deploy, and return the refusal of the gate that was overridden.

        deploy-service compares the content, since the draft may change at any moment.
        """
        workspace_id = caller.workspace.id
        if gate is None:
            return await self._authoring.deploy(workspace_id, workflow_id, request), None
        replay = await self._replay(caller, workflow_id, gate)
        refusal = not_found(gate.replay_id) if replay is None else refusal_of(replay)
        if replay is not None and refusal is None:
            gated = msgspec.structs.replace(request, snapshot_hash=replay.snapshot_hash)
            try:
                return await self._authoring.deploy(workspace_id, workflow_id, gated), None
            except ContentChanged:
                refusal = other_content(gate.replay_id)
        _require_override(caller, gate, refusal)
        return await self._authoring.deploy(workspace_id, workflow_id, request), refusal

    async def _gate_version(
        self, caller: Caller, workflow_id: str, number: int, gate: Gate | None
    ) -> GateRefused | None:
        """Check that a version may become live; return the refusal that was overridden."""
        if gate is None:
            return None
        content = (await self._authoring.version(caller.workspace.id, workflow_id, number)).version.snapshot_hash
        replay = await self._replay(caller, workflow_id, gate)
        refusal = not_found(gate.replay_id) if replay is None else refusal_of(replay, content)
        _require_override(caller, gate, refusal)
        return refusal

    async def _replay(self, caller: Caller, workflow_id: str, gate: Gate) -> ReplaySet | None:
        try:
            return await self._replays.get(caller.workspace.id, workflow_id, gate.replay_id)
        except NotFound:
            return None

    async def _record_override(
        self, caller: Caller, endpoint: Endpoint, gate: Gate | None, refusal: GateRefused | None
    ) -> None:
        if gate is None or refusal is None:
            return
        await self._audit.record(
            caller,
            "workflow.gate_overridden",
            target_id=endpoint.workflow_id,
            target_name=endpoint.name,
            after={"version": endpoint.version, "reason": gate.override, **refusal.details},
        )

    def _check_recording(self, caller: Caller, change: UpdateAccess) -> None:
        if change.recording is UNSET or change.recording is None:
            return
        longest = self._plans[caller.workspace.plan].log_days
        if change.recording.days > longest:
            raise InvalidRequest(f"recording.days must be at most {longest}, the log retention of your plan")

    async def _live(self, workflow_id: str) -> int | None:
        found = await self._endpoints.find(workflow_id)
        return None if found is None else found.version

    async def _record_audit(self, caller: Caller, action: str, endpoint: Endpoint, before: int | None) -> None:
        await self._audit.record(
            caller,
            action,
            target_id=endpoint.workflow_id,
            target_name=endpoint.name,
            before={"version": before},
            after={"version": endpoint.version},
        )

    async def _previous_version(self, caller: Caller, workflow_id: str, live: int) -> int:
        page = await self._authoring.versions(caller.workspace.id, workflow_id, before=live, limit=1)
        if not page.versions:
            raise InvalidRequest("No previous deployment version to roll back to")
        return page.versions[0].number


def _require_override(caller: Caller, gate: Gate, refusal: GateRefused | None) -> None:
    """Raise the refusal, unless an admin overrides it. Raises MissingScope, AccessDenied."""
    if refusal is None:
        return
    if gate.override is None:
        raise refusal
    caller.require(Scope.ADMIN)


def _access(endpoint: Endpoint) -> dict[str, object]:
    policy = endpoint.recording
    return {
        "isPublicApi": endpoint.is_public,
        "storeInputsAndOutputs": endpoint.stores_data,
        "inputValidation": endpoint.input_validation,
        "recording": None if policy is None else msgspec.structs.asdict(policy),
    }
