"""Error bodies with a plain `error` text, and the responses in OpenAPI."""

from typing import Any, Final

from gateway.http.bodies import Wire
from gateway.http.schemas import answers


class FieldProblem(Wire):
    """Problem with a field of a request."""

    path: str
    message: str


class Refusal(Wire):
    """Error of an execute call."""

    error: str
    details: list[FieldProblem] | None = None
    code: str | None = None
    execution_id: str | None = None
    message: str | None = None
    retryable: bool | None = None
    retry_after_seconds: int | None = None


class Error(Wire):
    """Error of any other call."""

    error: str
    code: str
    request_id: str
    details: Any = None


AUTHORING_ERRORS: Final = answers(Error, 400, 401, 403, 404, 503)


WORKSPACE_ERRORS: Final = answers(Error, 400, 401, 403, 404, 409, 413, 429, 503)
