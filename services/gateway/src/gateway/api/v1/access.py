"""Who calls the v1 API, and what each answer says about the caller's limits."""

from gateway.api.counted_access import CountedAccess
from gateway.api.limiting import Limiting
from gateway.api.usage import Limits, limits_block
from gateway.application.authentication import Authentication
from gateway.application.endpoints import Endpoints
from gateway.application.usage import UsageReports
from gateway.domain.credentials import Caller
from shared.clock import Clock


class V1Access(CountedAccess):
    """Besides who calls: the `limits` block of the answer."""

    def __init__(
        self,
        authentication: Authentication,
        endpoints: Endpoints,
        limiting: Limiting,
        *,
        reports: UsageReports,
        clock: Clock,
    ) -> None:
        super().__init__(authentication, endpoints, limiting)
        self._reports = reports
        self._clock = clock

    async def limits(self, caller: Caller) -> Limits:
        """How the caller stands."""
        return limits_block(await self._reports.of(caller), self._clock)
