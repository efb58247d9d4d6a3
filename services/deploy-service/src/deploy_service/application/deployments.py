"""Live versions: deploy, promote, undeploy, access, and endpoints.

A deploy writes three things in this order: the snapshot, the version, the pointer. An interrupted
deploy leaves the pointer unchanged. A snapshot without a version, or a version that was never live, is harmless.
"""

from typing import Final

from deploy_service.adapters.mongo_snapshots import MongoSnapshots
from deploy_service.adapters.mongo_versions import MongoVersions
from deploy_service.application.changes import Change, WorkflowChanges
from deploy_service.application.checker import WorkflowChecker
from deploy_service.application.contents import Contents
from deploy_service.application.timestamps import timestamp
from deploy_service.domain.check import refuse_errors
from deploy_service.domain.content import Content, Snapshot
from deploy_service.domain.views import endpoint_view, version_view, workflow_view
from deploy_service.domain.workflow import Version, Workflow, version_description, version_name
from deploy_service.metrics import LIVE_CHANGES
from shared.clock import Clock
from shared.contracts import deployments as contracts
from shared.errors import ContentChanged, InvalidWorkflow, Unavailable
from shared.ids import new_id

NUMBERING_TRIES: Final = 50


class Deployments:
    """Changes the live version of workflows."""

    def __init__(
        self,
        snapshots: MongoSnapshots,
        versions: MongoVersions,
        contents: Contents,
        changes: WorkflowChanges,
        clock: Clock,
        *,
        checker: WorkflowChecker,
    ) -> None:
        self._snapshots = snapshots
        self._versions = versions
        self._contents = contents
        self._changes = changes
        self._clock = clock
        self._checker = checker

    async def endpoint(self, workflow_id: str, workspace_id: str | None) -> contracts.Endpoint:
        """Return the current endpoint, on the hot path of every call. Raises NotFound."""
        return endpoint_view(await self._changes.find(workflow_id, workspace_id))

    async def snapshot(self, workspace_id: str, snapshot_hash: str) -> Content:
        """Return an immutable state. Raises NotFound."""
        return await self._contents.snapshot(workspace_id, snapshot_hash)

    async def deploy(
        self, workflow_id: str, workspace_id: str, order: contracts.Deploy, *, unchecked: bool = False
    ) -> contracts.Deployed:
        """Publish the draft as a new version and make it live; `unchecked` turns errors into warnings.

        The check takes time, so other changes of the workflow do not wait for it: what was checked goes live.

        Raises NotFound, PreconditionFailed, ContentChanged, InvalidWorkflow, InvalidRequest.
        """
        workflow = await self._changes.find(workflow_id, workspace_id)
        content = (await self._contents.draft(workflow)).require(order.expected_revision).content
        if order.snapshot_hash not in (None, content.hash):
            raise ContentChanged("The draft differs from the content that was checked")
        found = await self._checker.problems(content, workspace_id)
        if not unchecked:
            refuse_errors(found, order.accepted_warnings)
        async with self._changes.locks.hold(workflow_id):
            workflow = await self._changes.find(workflow_id, workspace_id)
            version = await self._record(workflow, content, order)
            at = timestamp(self._clock)
            change = await self._changes.change_in_turn(
                workflow_id, workspace_id, lambda current: current.deployed(version, at)
            )
        return _deployed("deploy", version, change, _messages_of(found))

    async def promote(self, workflow_id: str, workspace_id: str, number: int) -> contracts.Deployed:
        """Make an existing version live, without creating one. Its problems become warnings.

        Raises NotFound.
        """
        version = await self._contents.version(await self._changes.find(workflow_id, workspace_id), number)
        warnings = await self._warnings(version)
        at = timestamp(self._clock)
        change = await self._changes.change(workflow_id, workspace_id, lambda found: found.promoted(version, at))
        return _deployed("promote", version, change, warnings)

    async def undeploy(self, workflow_id: str, workspace_id: str) -> contracts.Endpoint:
        """Make no version live; versions stay. Raises NotFound, NotDeployed."""
        at = timestamp(self._clock)
        change = await self._changes.change(workflow_id, workspace_id, lambda found: found.undeployed(at))
        _count("undeploy", change)
        return endpoint_view(change.after)

    async def set_access(
        self, workflow_id: str, workspace_id: str, update: contracts.UpdateAccess
    ) -> contracts.Workflow:
        """Set the access mode and the API description. Raises NotFound, InvalidRequest."""
        at = timestamp(self._clock)
        change = await self._changes.change(workflow_id, workspace_id, lambda found: found.with_access(update, at))
        return workflow_view(change.after)

    async def status(self, workflow_id: str, workspace_id: str) -> contracts.DeploymentStatus:
        """Return the live version, and whether the draft differs. Raises NotFound."""
        workflow = await self._changes.find(workflow_id, workspace_id)
        return contracts.DeploymentStatus(endpoint_view(workflow), await self._contents.is_modified(workflow))

    async def _warnings(self, version: Version) -> tuple[str, ...]:
        """Return problems as warnings: a rollback is urgent, so they must not block it."""
        content = await self._contents.snapshot(version.workspace_id, version.snapshot_hash)
        try:
            return _messages_of(await self._checker.problems(content, version.workspace_id))
        except InvalidWorkflow as error:
            return (error.message,)

    async def _record(self, workflow: Workflow, content: Content, order: contracts.Deploy) -> Version:
        """Store the snapshot and a version of it, under the next free number."""
        at = timestamp(self._clock)
        version = Version(
            id=new_id(),
            workflow_id=workflow.id,
            workspace_id=workflow.workspace_id,
            number=workflow.last_version + 1,
            snapshot_hash=content.hash,
            created_at=at,
            created_by=order.actor_id,
            deployed_by=order.actor_name,
            name=version_name(order.name),
            description=version_description(order.description),
        )
        snapshot = Snapshot(workspace_id=workflow.workspace_id, content=content, created_at=at)
        await self._snapshots.put(snapshot)
        for _ in range(NUMBERING_TRIES):
            if await self._versions.add(version):
                await self._snapshots.put(snapshot)  # a concurrent deletion may have found it unused
                return version
            version = version.numbered(await self._next_number(workflow))
        raise Unavailable(f"Workflow {workflow.id} is being deployed too often. Try again.", retry_after=1)

    async def _next_number(self, workflow: Workflow) -> int:
        newest = await self._versions.page(workflow.id, before=None, limit=1, newest=workflow.last_version)
        return newest[0].number + 1 if newest else 1


def _messages_of(found: contracts.Problems) -> tuple[str, ...]:
    return tuple(problem.message for problem in (*found.errors, *found.warnings))


def _deployed(action: str, version: Version, change: Change, warnings: tuple[str, ...]) -> contracts.Deployed:
    _count(action, change)
    live_before = change.before.live
    return contracts.Deployed(
        version=version_view(version, change.after),
        endpoint=endpoint_view(change.after),
        unchanged=live_before is not None and live_before.snapshot_hash == version.snapshot_hash,
        warnings=warnings,
    )


def _count(action: str, change: Change) -> None:
    if change.after is not change.before:
        LIVE_CHANGES.labels(action).inc()
