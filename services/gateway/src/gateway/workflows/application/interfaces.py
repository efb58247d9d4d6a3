"""What callers may know of a workflow before they call it: which version they would run, what it takes and gives."""

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
"""A new description is seen after that long."""


class Published(msgspec.Struct, frozen=True):
    """A version as callers meet it."""

    endpoint: Endpoint
    version: int
    description: str
    """What the workflow does. A version has one of its own, and it says what changed."""
    interface: Interface


class Interfaces:
    """Reads the interfaces of versions, which never change, and remembers them for a while."""

    def __init__(self, endpoints: Endpoints, deployments: Deployments, catalog: Catalog, clock: Clock) -> None:
        self._endpoints = endpoints
        self._deployments = deployments
        self._catalog = catalog
        self._read: LookupCache[tuple[str, Interface]] = LookupCache(
            self._load, clock, seconds=KEPT_SECONDS, max_entries=KEPT
        )

    async def of(self, workflow_id: str, version: int | None) -> Published:
        """The interface of `version`, of the live one when it is None.

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
        except NotFound:
            raise NotFound("Deployment version not found") from None
        workflow = await self._deployments.get(workspace_id, workflow_id)
        return workflow.description, read_interface(read_state(detail.state), self._catalog)
