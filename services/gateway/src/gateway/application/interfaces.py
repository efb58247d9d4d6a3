"""What callers may know of a workflow before they call it: which version they would run, what it takes and gives."""

import msgspec

from gateway.application.endpoints import Endpoints
from gateway.domain.interface import Interface, read_interface
from gateway.ports import Deployments
from shared.contracts.deployments import Endpoint, VersionDetail
from shared.errors import NotDeployed, NotFound
from shared.workflow.catalog import Catalog
from shared.workflow.reading import read_state


class Published(msgspec.Struct, frozen=True):
    """A version as callers meet it."""

    endpoint: Endpoint
    version: int
    description: str
    """Of the version, by who deployed it."""
    interface: Interface


class Interfaces:
    """Reads the interfaces of versions."""

    def __init__(self, endpoints: Endpoints, deployments: Deployments, catalog: Catalog) -> None:
        self._endpoints = endpoints
        self._deployments = deployments
        self._catalog = catalog

    async def of(self, workflow_id: str, version: int | None) -> Published:
        """The interface of `version`, of the live one when it is None.

        Raises NotFound, NotDeployed, Unavailable.
        """
        endpoint = await self._endpoints.get(workflow_id)
        number = version or endpoint.version
        if number is None:
            raise NotDeployed("Workflow is not deployed")
        detail = await self._version(endpoint, number)
        interface = read_interface(read_state(detail.state), self._catalog)
        return Published(endpoint, number, detail.version.description or "", interface)

    async def _version(self, endpoint: Endpoint, number: int) -> VersionDetail:
        try:
            return await self._deployments.version(endpoint.workspace_id, endpoint.workflow_id, number)
        except NotFound:
            raise NotFound("Deployment version not found") from None
