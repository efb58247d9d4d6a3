"""Access to the newer APIs, after counting the call. Resources of other workspaces are not found."""

from starlette.requests import Request

from gateway.access.application.authentication import Authentication
from gateway.access.domain.credentials import Caller, Scope
from gateway.access.domain.errors import AccessDenied
from gateway.access.domain.rate_limits import RateKind
from gateway.http.rate_limit_headers import RateLimitHeaders
from gateway.workflows.application.endpoints import Endpoints
from shared.errors import NotFound


class CountedAccess:
    """FastAPI dependencies that identify the caller."""

    def __init__(self, authentication: Authentication, endpoints: Endpoints, limiting: RateLimitHeaders) -> None:
        self._authentication = authentication
        self._endpoints = endpoints
        self._limiting = limiting

    async def caller(self, request: Request) -> Caller:
        """Return the caller. Raises Unauthenticated, RateLimited, Unavailable."""
        caller = await self._authentication.require(request.headers, otherwise="API key required")
        await self._limiting.count(request, caller, RateKind.API)
        return caller

    async def to_workflow(self, request: Request) -> Caller:
        """Return the caller of the path's workflow.

        Raises Unauthenticated, RateLimited, NotFound, WrongWorkflow, Unavailable.
        """
        caller = await self.caller(request)
        workflow_id = request.path_params["workflow_id"]
        endpoint = await self._endpoints.get(workflow_id)
        if not caller.may_enter(endpoint.workspace_id):
            raise NotFound("Workflow not found")
        return caller.on(endpoint.workspace_id, workflow_id)

    async def to_deployment(self, request: Request) -> Caller:
        """Return a caller who may deploy. A key whose user may not deploy gets NotFound.

        Raises what `to_workflow` raises, MissingScope, AccessDenied.
        """
        caller = await self.to_workflow(request)
        try:
            caller.require(Scope.DEPLOY)
        except AccessDenied:
            if caller.is_session:
                raise
            raise NotFound("Workflow not found") from None
        return caller
