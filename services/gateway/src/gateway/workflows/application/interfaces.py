"""Interfaces of workflows for callers: version, inputs and outputs."""

from typing import Final

import msgspec

from gateway.lookup_cache import LookupCache
from gateway.workflows.application.endpoints import Endpoints
from gateway.workflows.domain.interface import Interface, read_interface
from gateway.workflows.ports import Deployments
from shared.clock import Clock
from shared.contracts.deployments import Endpoint
from shared.errors import NotDeployed, NotFound
from shared.workflow.catalog import Catalog
from shared.workflow.format.reader import read_state

KEPT: Final = 500
KEPT_SECONDS: Final = 30.0
"""Seconds until a changed description is visible."""


class Published(msgspec.Struct, frozen=True):
    """Version as callers see it."""

    endpoint: Endpoint
    version: int
    description: str
    """Description of the workflow; a version's own describes its changes."""
    interface: Interface


class Interfaces:
    """Cached reader of version interfaces, which never change."""

    def __init__(self, endpoints: Endpoints, deployments: Deployments, catalog: Catalog, clock: Clock) -> None:
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
