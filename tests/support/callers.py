"""Internal calls that end in an application or a function of the same process."""

from collections.abc import Mapping

import httpx2

from shared.http1 import HttpResponse


class CallsTo:
    """A Caller over an httpx2 transport: ASGITransport or MockTransport."""

    def __init__(self, transport: httpx2.AsyncBaseTransport, base_url: str = "http://service") -> None:
        self._transport = transport
        self._base_url = base_url

    async def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, *, connect_seconds: float
    ) -> HttpResponse:
        request = httpx2.Request(method, self._base_url + path, headers=headers, content=body)
        response = await self._transport.handle_async_request(request)
        return HttpResponse(response.status_code, await response.aread())

    async def aclose(self) -> None:
        await self._transport.aclose()
