"""Error bodies with a plain `error` text, and the responses in OpenAPI."""

from typing import Any

from gateway.http.bodies import Wire


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
