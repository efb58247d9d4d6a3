"""What stands before every route."""

from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.errors import InvalidRequest, PayloadTooLarge
from shared.web.internal_errors import render_internal_error


class BodyLimit:
    """Stops reading a body at `limit` bytes, whatever its headers say."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        taken = 0

        async def count() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._limit:
                raise PayloadTooLarge(f"the body has more than {self._limit} bytes")
            return message

        await self._app(scope, count, send)


def render_invalid_parameters(request: Request, error: Exception) -> Response:
    """The exception handler of what FastAPI refuses in paths and queries."""
    found = error.errors() if isinstance(error, RequestValidationError) else []
    details = [{"path": [str(part) for part in item["loc"][1:]], "message": item["msg"]} for item in found]
    return render_internal_error(request, InvalidRequest("Invalid parameters", details=details))
