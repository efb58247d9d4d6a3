"""Who calls the v2 API: here a call is counted by its address before anybody looks at the key."""

from starlette.requests import Request

from gateway.access.domain.credentials import Caller
from gateway.http.counted_access import CountedAccess


class V2Access(CountedAccess):
    """Whoever guesses at keys is stopped before the guesses cost anything."""

    async def caller(self, request: Request) -> Caller:
        await self._limiting.count_address(request)
        return await super().caller(request)
