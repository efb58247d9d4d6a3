"""`fetch` of user code, with the same rules as all calls of a workflow."""

from codecs import BOM_UTF8

from executor_service.sandbox import FetchFailed, FetchRequest, FetchResponse
from shared.net.client import OutboundClient
from shared.net.errors import OutboundError
from shared.net.messages import OutboundRequest


class SandboxFetcher:
    """Implements Fetcher. The sandbox limits a call's time to at most `timeout_seconds`."""

    def __init__(self, outbound: OutboundClient, *, timeout_seconds: float = 60.0) -> None:
        self._outbound = outbound
        self._timeout_seconds = timeout_seconds

    async def __call__(self, request: FetchRequest) -> FetchResponse:
        """Make the call. Raises FetchFailed."""
        call = OutboundRequest(
            request.method,
            request.url,
            request.headers,
            None if request.body is None else request.body.encode("utf-8", "replace"),
            timeout_seconds=self._timeout_seconds,
            workspace_id=request.workspace_id,
        )
        try:
            response = await self._outbound.send(call)
        except OutboundError as error:
            raise FetchFailed(error.message) from error
        return FetchResponse(
            status=response.status,
            status_text=response.reason,
            url=response.url,
            headers=response.headers,
            body=response.body.removeprefix(BOM_UTF8),
        )
