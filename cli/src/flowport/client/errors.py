"""Errors of API calls, each with the exit code of the command."""

from http import HTTPStatus
from typing import Any, Final

import msgspec

from flowport.errors import CommandFailed
from shared.contracts.problems import Problem


class AccessDenied(CommandFailed):
    """No API key is configured, or the server rejected it for this operation."""

    exit_code = 3


class NotFound(CommandFailed):
    """The named resource does not exist."""

    exit_code = 4


class ServerUnavailable(CommandFailed):
    """The server is unavailable, at capacity, or rate limits the caller."""

    exit_code = 5


class Conflict(CommandFailed):
    """The resource is in another state than the request requires."""


class OutcomeUnknown(ServerUnavailable):
    """The connection was lost after a request that changes something. Do not retry: it may have been processed."""

    exit_code = 1


class InvalidWorkflowRefused(CommandFailed):
    """The server refused a workflow; `problems` are the reasons."""

    def __init__(self, message: str, problems: list[Problem]) -> None:
        super().__init__(message)
        self.problems = problems


class WaitTimedOut(CommandFailed):
    """The wait timed out. The run or deployment continues."""

    exit_code = 6


MOST_FIELDS: Final = 3
_BY_STATUS: Final[dict[int, type[CommandFailed]]] = {
    401: AccessDenied,
    403: AccessDenied,
    404: NotFound,
    408: WaitTimedOut,
    409: Conflict,
    412: Conflict,
    429: ServerUnavailable,
    502: ServerUnavailable,
    503: ServerUnavailable,
    504: ServerUnavailable,
}
_OUTCOME_UNKNOWN: Final = frozenset({502, 503, 504})
"""Without Retry-After, these come from a server or proxy that does not know the outcome of the request."""


def error_for_response(
    status: int, body: Any, *, retry_after: str | None = None, changes: bool = False
) -> CommandFailed:
    """Return the error for a response with `status`. `changes` says whether the request may have changed something."""
    if status == HTTPStatus.BAD_REQUEST and (problems := _problems(body)):
        return InvalidWorkflowRefused("the server refused the workflow", problems)
    kind = _BY_STATUS.get(status, CommandFailed)
    if changes and status in _OUTCOME_UNKNOWN and retry_after is None:
        kind = OutcomeUnknown
    later = f" (retry after {retry_after} s)" if retry_after else ""
    return kind(f"{_message(body) or f'the server returned status {status}'}{later}")


def _problems(body: Any) -> list[Problem]:
    """Return the problems of a workflow that a response lists; empty if it lists anything else."""
    error = body.get("error") if isinstance(body, dict) else None
    about = error if isinstance(error, dict) else body
    try:
        return msgspec.convert(about["details"], list[Problem])
    except (KeyError, TypeError, msgspec.ValidationError):
        return []


def _message(body: Any) -> str:
    if not isinstance(body, dict):
        return ""
    error = body.get("error")
    about = error if isinstance(error, dict) else body
    message = str((error if about is body else None) or about.get("message") or "")
    fields = _fields(about.get("details"))
    if all(part in message for field in fields for part in field.split(": ", 1)):
        return message
    named = "; ".join(fields[:MOST_FIELDS]) + ("; …" if len(fields) > MOST_FIELDS else "")
    return named if any(message in field for field in fields) else f"{message}: {named}"


def _fields(details: Any) -> list[str]:
    """Return the problem of each field that a response names, as `name: Too big`."""
    found = [detail for detail in details if isinstance(detail, dict)] if isinstance(details, list) else []
    return [
        f"{_dotted(detail['path'])}: {detail['message']}"
        for detail in found
        if detail.get("path") and detail.get("message")
    ]


def _dotted(path: Any) -> str:
    """Return the dotted path of a field, which some routes send as a list and others joined."""
    return path if isinstance(path, str) else ".".join(map(str, path))
