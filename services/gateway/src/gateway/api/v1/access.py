"""Who calls the v1 API, and what each answer says about the caller's limits."""

from starlette.requests import Request

from gateway.api.limiting import Limiting
from gateway.api.usage import Limits, limits_block
from gateway.application.authentication import Authentication
from gateway.application.endpoints import Endpoints
from gateway.application.usage import UsageReports
from gateway.domain.credentials import Caller
from gateway.domain.rate_limits import RateKind
from shared.clock import Clock
from shared.errors import NotFound


class V1Access:
    """FastAPI dependencies: who calls, once the call is counted; and the `limits` block of the answer."""

    def __init__(
        self,
        authentication: Authentication,
        endpoints: Endpoints,
        limiting: Limiting,
        *,
        reports: UsageReports,
        clock: Clock,
    ) -> None:
        self._authentication = authentication
        self._endpoints = endpoints
        self._limiting = limiting
        self._reports = reports
        self._clock = clock

    async def caller(self, request: Request) -> Caller:
        """Who calls. Raises Unauthenticated, RateLimited, Unavailable."""
        caller = await self._authentication.require(request.headers, otherwise="API key required")
        await self._limiting.count(request, caller, RateKind.API)
        return caller

    async def to_workflow(self, request: Request) -> Caller:
        """Who calls about the workflow in the path; a stranger's does not exist.

        Raises Unauthenticated, RateLimited, NotFound, WrongWorkflow, Unavailable.
        """
        caller = await self.caller(request)
        workflow_id = request.path_params["workflow_id"]
        endpoint = await self._endpoints.get(workflow_id)
        if not caller.may_enter(endpoint.workspace_id):
            raise NotFound("Workflow not found")
        return caller.on(endpoint.workspace_id, workflow_id)

    async def limits(self, caller: Caller) -> Limits:
        """How the caller stands."""
        return limits_block(await self._reports.of(caller), self._clock)
