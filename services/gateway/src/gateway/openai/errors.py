"""Errors in OpenAI's format."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from gateway.access.errors import AccessDenied, RateLimited, WrongWorkspace
from gateway.web.errors import counting_refusals, failure_status, message_of, retry_headers, status_of
from shared.contracts.runs import RunOutcome
from shared.errors import FlowportError, Forbidden, InvalidRequest, NotDeployed, NotFound, Unauthenticated
from shared.web.struct_bodies import StructResponse

_KINDS: Final[tuple[tuple[type[FlowportError], int | None, str, str | None], ...]] = (
    (WrongWorkspace, 404, "invalid_request_error", "model_not_found"),
    (AccessDenied, 404, "invalid_request_error", "model_not_found"),
    (NotDeployed, 404, "invalid_request_error", "model_not_found"),
    (NotFound, 404, "invalid_request_error", "model_not_found"),
    (Unauthenticated, 401, "invalid_request_error", "invalid_api_key"),
    (Forbidden, 403, "invalid_request_error", "permission_denied"),
    (InvalidRequest, 400, "invalid_request_error", None),
    (RateLimited, 429, "requests", "rate_limit_exceeded"),
    (FlowportError, None, "server_error", None),
)

_ONCE: Final = {"x-should-retry": "false"}
"""Clients would retry automatically, including lost runs, and repeat their effects."""


def present_error(request: Request, error: FlowportError) -> Response:
    """Present a refused call."""
    status, kind, code = next((status, kind, code) for cls, status, kind, code in _KINDS if isinstance(error, cls))
    status = status or status_of(error)
    is_absent = isinstance(error, WrongWorkspace | AccessDenied)
    message = "Workflow not found" if is_absent else message_of(error)
    body = fault(message, kind, code, _param(error))
    return StructResponse(body, status_code=status, headers=retry_headers(error, status) or _ONCE)


present_execute_error: Final = counting_refusals(present_error)
"""Presents a call that was refused or lost."""


def failed_run(outcome: RunOutcome, headers: Mapping[str, str]) -> Response:
    """Return the error of a failed run; `headers` name the run."""
    status = failure_status(outcome.error)
    kind = "invalid_request_error" if status == 400 else "server_error"
    body = fault(outcome_text(outcome), kind, outcome.error.code if outcome.error else None)
    return StructResponse(body, status_code=status, headers={**headers, **_ONCE})


def outcome_text(outcome: RunOutcome) -> str:
    """Return why a run failed."""
    return outcome.error.text if outcome.error else f"The run was {outcome.status}"


def fault(message: str, kind: str, code: str | None, param: str | None = None) -> dict[str, object]:
    """Return an error body; `param` is the invalid field of the request."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def _param(error: FlowportError) -> str | None:
    match error:
        case InvalidRequest(details=[{"path": [field, *_]}, *_]):
            return str(field)
    return None
