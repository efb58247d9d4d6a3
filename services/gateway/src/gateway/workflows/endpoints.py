"""Endpoints: resolve calls to a workflow's live version or a pinned one, and their interfaces."""

from typing import Final

import msgspec

from gateway.lookup_cache import LookupCache, or_none
from gateway.workflows.interface import Interface, read_interface
from shared.clients.deploy.workflows import HttpDeployClient
from shared.clock import Clock
from shared.contracts.deployments import Endpoint, Version, Workflow
from shared.contracts.messages import ControlMessage, LiveVersionChanged
from shared.contracts.runs import SnapshotRef
from shared.errors import NotDeployed, NotFound
from shared.workflow.catalog import Catalog
from shared.workflow.format.reader import read_state

LEASE_SECONDS: Final = 1.0


VERSION_SECONDS: Final = 300.0
"""A version's content never changes."""


KEPT: Final = 500


KEPT_SECONDS: Final = 30.0
"""Seconds until a changed description is visible."""


PAGE: Final = 500


class Endpoints:
    """Cache of live versions, for at most a second, longer only while they cannot change."""

    def __init__(self, deployments: HttpDeployClient, clock: Clock, *, stale_seconds: float) -> None:
        self._deployments = deployments
        self._live: LookupCache[Endpoint | None] = LookupCache(
            self._load,
            clock,
            seconds=LEASE_SECONDS,
            what="live_versions",
            stale_seconds=stale_seconds,
            revision=lambda endpoint: endpoint.revision if endpoint else None,
        )
        self._versions: LookupCache[Version] = LookupCache(
            self._load_version, clock, seconds=VERSION_SECONDS, what="versions", stale_seconds=stale_seconds
        )

    def expect(self, workflow_id: str) -> None:
        """Start a look-up of a workflow needed soon."""
        self._live.expect(workflow_id)

    async def find(self, workflow_id: str) -> Endpoint | None:
        """Return the workflow as callers see it, None if missing. Raises Unavailable."""
        return await self._live.get(workflow_id)

    async def get(self, workflow_id: str) -> Endpoint:
        """Like `find`. Raises NotFound, Unavailable."""
        endpoint = await self.find(workflow_id)
        if endpoint is None:
            raise NotFound("Workflow not found")
        return endpoint

    async def target(self, endpoint: Endpoint, number: int | None) -> SnapshotRef:
        """Return the version to run: the live one, or version `number`.

        Raises NotDeployed, NotFound (no such version), Unavailable.
        """
        if endpoint.snapshot_hash is None:
            raise NotDeployed("Workflow is not deployed")
        target = SnapshotRef(
            workspace_id=endpoint.workspace_id,
            workflow_id=endpoint.workflow_id,
            snapshot_hash=endpoint.snapshot_hash,
            version=endpoint.version,
            version_id=endpoint.version_id,
        )
        if number is None or number == endpoint.version:
            return target
        pinned = await self._versions.get(f"{endpoint.workspace_id}/{endpoint.workflow_id}/{number}")
        return msgspec.structs.replace(
            target, snapshot_hash=pinned.snapshot_hash, version=pinned.number, version_id=pinned.id
        )

    def forget(self, workflow_id: str) -> None:
        """Invalidate the cached workflow."""
        self._live.drop(workflow_id)

    def on_control(self, message: ControlMessage) -> None:
        """Invalidate a changed live version."""
        if isinstance(message, LiveVersionChanged):
            self.forget(message.workflow_id)

    async def _load(self, workflow_id: str) -> Endpoint | None:
        return await or_none(self._deployments.endpoint(workflow_id))

    async def _load_version(self, key: str) -> Version:
        workspace_id, workflow_id, number = key.rsplit("/", 2)
        try:
            return (await self._deployments.version(workspace_id, workflow_id, int(number))).version
        except NotFound as error:
            raise NotFound("Deployment version not found", details=error.details) from None


class Published(msgspec.Struct, frozen=True):
    """Version as callers see it."""

    endpoint: Endpoint
    version: int
    description: str
    """Description of the workflow; a version's own describes its changes."""
    interface: Interface


class Interfaces:
    """Cached reader of version interfaces, which never change."""

    def __init__(self, endpoints: Endpoints, deployments: HttpDeployClient, catalog: Catalog, clock: Clock) -> None:
        self._endpoints = endpoints
        self._deployments = deployments
        self._catalog = catalog
        self._read: LookupCache[tuple[str, Interface]] = LookupCache(
            self._load, clock, seconds=KEPT_SECONDS, max_entries=KEPT
        )

    async def of(self, workflow_id: str, version: int | None) -> Published:
        """Return the interface of `version`, by default the live one.

        Raises NotFound, NotDeployed, Unavailable.
        """
        endpoint = await self._endpoints.get(workflow_id)
        number = version or endpoint.version
        if number is None:
            raise NotDeployed("Workflow is not deployed")
        description, interface = await self._read.get(f"{endpoint.workspace_id}/{workflow_id}/{number}")
        return Published(endpoint, number, description, interface)

    async def _load(self, key: str) -> tuple[str, Interface]:
        workspace_id, workflow_id, number = key.rsplit("/", 2)
        try:
            detail = await self._deployments.version(workspace_id, workflow_id, int(number))
        except NotFound as error:
            raise NotFound("Deployment version not found", details=error.details) from None
        workflow = await self._deployments.get(workspace_id, workflow_id)
        return workflow.description, read_interface(read_state(detail.state), self._catalog)


async def list_all_workflows(
    authoring: HttpDeployClient, workspace_id: str, *, deployed_only: bool, most: int
) -> list[Workflow]:
    """Return workflows, oldest first; `most` is rounded to whole pages. Raises Unavailable."""
    found: list[Workflow] = []
    cursor: str | None = None
    for _ in range(most // PAGE):
        page = await authoring.page(workspace_id, cursor=cursor, limit=PAGE, deployed_only=deployed_only)
        found += page.workflows
        cursor = page.next_cursor
        if cursor is None:
            break
    return found
