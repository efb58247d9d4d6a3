"""Deploy, roll back, undeploy: for every API generation that offers it."""

from gateway.application.endpoints import Endpoints
from gateway.domain.credentials import Caller, Scope
from gateway.domain.errors import UndeployedAlready
from gateway.ports import Authoring
from shared.contracts.deployments import Deploy, Deployed, Endpoint, UpdateAccess, Workflow
from shared.errors import InvalidRequest, NotDeployed


class Publishing:
    """Changes what is live. What this process remembers of the workflow is forgotten at once."""

    def __init__(self, authoring: Authoring, endpoints: Endpoints) -> None:
        self._authoring = authoring
        self._endpoints = endpoints

    async def deploy(
        self, caller: Caller, workflow_id: str, *, name: str | None = None, description: str | None = None
    ) -> Deployed:
        """Publish the draft as a new version. Raises MissingScope, NotFound, InvalidWorkflow, Unavailable."""
        caller.require(Scope.DEPLOY)
        order = Deploy(actor_id=caller.actor_id, actor_name=caller.actor_name, name=name, description=description)
        deployed = await self._authoring.deploy(caller.workspace.id, workflow_id, order)
        self._endpoints.forget(workflow_id)
        return deployed

    async def promote(self, caller: Caller, workflow_id: str, number: int) -> Deployed:
        """Make a version live. Raises MissingScope, NotFound, Unavailable."""
        caller.require(Scope.DEPLOY)
        promoted = await self._authoring.promote(caller.workspace.id, workflow_id, number)
        self._endpoints.forget(workflow_id)
        return promoted

    async def roll_back(self, caller: Caller, workflow_id: str, number: int | None) -> Deployed:
        """Make version `number` live, or the one before the live one.

        Raises MissingScope, NotFound, UndeployedAlready, InvalidRequest (there is none before), Unavailable.
        """
        caller.require(Scope.DEPLOY)
        live = (await self._authoring.status(caller.workspace.id, workflow_id)).endpoint.version
        if live is None:
            raise UndeployedAlready
        return await self.promote(caller, workflow_id, number or await self._before(caller, workflow_id, live))

    async def undeploy(self, caller: Caller, workflow_id: str) -> Endpoint:
        """Let nothing be live. Raises MissingScope, NotFound, UndeployedAlready, Unavailable."""
        caller.require(Scope.DEPLOY)
        try:
            endpoint = await self._authoring.undeploy(caller.workspace.id, workflow_id)
        except NotDeployed:
            raise UndeployedAlready from None
        self._endpoints.forget(workflow_id)
        return endpoint

    async def set_access(self, caller: Caller, workflow_id: str, change: UpdateAccess) -> Workflow:
        """Say who may call. Raises MissingScope, NotFound, Unavailable."""
        caller.require(Scope.ADMIN)
        changed = await self._authoring.set_access(caller.workspace.id, workflow_id, change)
        self._endpoints.forget(workflow_id)
        return changed

    async def _before(self, caller: Caller, workflow_id: str, live: int) -> int:
        page = await self._authoring.versions(caller.workspace.id, workflow_id, before=live, limit=1)
        if not page.versions:
            raise InvalidRequest("No previous deployment version to roll back to")
        return page.versions[0].number
