"""FastAPI dependencies that identify the caller of a route."""

from typing import Final

from starlette.requests import Request

from gateway.access.application.authentication import Authentication
from gateway.access.domain.credentials import Caller, Scope
from gateway.access.domain.errors import AccessDenied
from gateway.access.domain.plans import RateKind
from gateway.http.rate_limit_headers import RateLimitHeaders
from gateway.workflows.application.endpoints import Endpoints
from shared.errors import InvalidRequest, NotFound

VERSIONS_NEED_KEY: Final = "Reading another version than the live one requires an API key"


class _Access:
    def __init__(self, authentication: Authentication, endpoints: Endpoints, rate_limits: RateLimitHeaders) -> None:
        self._authentication = authentication
        self._endpoints = endpoints
        self._rate_limits = rate_limits


class WorkspaceAccess(_Access):
    """Access to the legacy API: an unknown workflow is 404, another workspace's is 403."""

    async def caller(self, request: Request) -> Caller:
        """Return the caller. Raises Unauthenticated, Unavailable."""
        caller = await self._authentication.require(request.headers)
        self._rate_limits.show(request, caller, RateKind.API)
        return caller

    async def to_workflow(self, request: Request) -> Caller:
        """Return the caller of the path's workflow. Raises Unauthenticated, NotFound, Forbidden, Unavailable."""
        caller = await self.caller(request)
        workflow_id = request.path_params["workflow_id"]
        endpoint = await self._endpoints.get(workflow_id)
        return caller.on(endpoint.workspace_id, workflow_id)

    async def to_workspace(self, request: Request, workspace_id: str) -> Caller:
        """Return the caller of the path's workspace. Raises Unauthenticated, Forbidden, Unavailable."""
        caller = await self.caller(request)
        return caller.within(workspace_id)

    async def to_interface(self, request: Request) -> Caller:
        """Return the caller who reads the path's workflow, the public if it is open.

        The public sees only the live version. Raises Unauthenticated, InvalidRequest, NotFound, Forbidden, Unavailable.
        """
        workflow_id = request.path_params["workflow_id"]
        caller = await self._authentication.caller(request.headers)
        if caller is None:
            endpoint = await self._endpoints.find(workflow_id)
            caller = await self._authentication.public_caller(endpoint, self._rate_limits.address_of(request))
            if "version" in request.query_params:
                raise InvalidRequest(VERSIONS_NEED_KEY)
            self._rate_limits.show(request, caller, RateKind.SYNC)
            return caller
        caller = await self.to_workflow(request)
        caller.require(Scope.READ, Scope.EXECUTE)
        return caller


class CountedAccess(_Access):
    """Access to the newer APIs, after counting the call. Resources of other workspaces are not found."""

    async def caller(self, request: Request) -> Caller:
        """Return the caller. Raises Unauthenticated, RateLimited, Unavailable."""
        caller = await self._authentication.require(request.headers, message="API key required")
        await self._rate_limits.count(request, caller, RateKind.API)
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
