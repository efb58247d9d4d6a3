"""What stands before every route."""

from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import Response

from shared.errors import InvalidRequest
from shared.web.internal_errors import render_internal_error


def render_invalid_parameters(request: Request, error: Exception) -> Response:
    """The exception handler of what FastAPI refuses in paths and queries."""
    found = error.errors() if isinstance(error, RequestValidationError) else []
    details = [{"path": [str(part) for part in item["loc"][1:]], "message": item["msg"]} for item in found]
    return render_internal_error(request, InvalidRequest("Invalid parameters", details=details))
