"""Who calls the v1 API, and what each answer says about the caller's limits."""

from starlette.requests import Request

from gateway.api.limiting import Limiting
from gateway.api.usage import Limits, limits_block
from gateway.application.authentication import Authentication
from gateway.application.usage import UsageReports
from gateway.domain.credentials import Caller
from gateway.domain.rate_limits import RateKind
from shared.clock import Clock


class V1Access:
    """FastAPI dependencies: who calls, once the call is counted; and the `limits` block of the answer."""

    def __init__(self, authentication: Authentication, limiting: Limiting, reports: UsageReports, clock: Clock) -> None:
        self._authentication = authentication
        self._limiting = limiting
        self._reports = reports
        self._clock = clock

    async def caller(self, request: Request) -> Caller:
        """Who calls. Raises Unauthenticated, RateLimited, Unavailable."""
        caller = await self._authentication.require(request.headers, otherwise="API key required")
        await self._limiting.count(request, caller, RateKind.API)
        return caller

    async def limits(self, caller: Caller) -> Limits:
        """How the caller stands."""
        return limits_block(await self._reports.of(caller), self._clock)
