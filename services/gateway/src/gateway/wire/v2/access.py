"""Access to the v2 API: counts a call by its address before checking the key."""

from starlette.requests import Request

from gateway.access.domain.credentials import Caller
from gateway.http.access import CountedAccess


class V2Access(CountedAccess):
    """Access that stops key guessing before guesses cost anything."""

    async def caller(self, request: Request) -> Caller:
        await self._rate_limits.count_address(request)
        return await super().caller(request)
