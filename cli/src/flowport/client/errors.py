"""What can go wrong with a call, each with the exit code that scripts see."""

from typing import Any, Final

from flowport.failures import CommandFailed


class NoAccess(CommandFailed):
    """There is no key, or the server does not take it for this."""

    exit_code = 3


class Missing(CommandFailed):
    """What was named is not there."""

    exit_code = 4


class TryLater(CommandFailed):
    """The server does not answer, is at capacity, or asks to slow down."""

    exit_code = 5


class Unanswered(TryLater):
    """The line broke behind a call that changes something: it may have been done, and would then be done twice."""

    exit_code = 1


class TookTooLong(CommandFailed):
    """The time that was given for waiting is over; what was waited for goes on."""

    exit_code = 6


MOST_FIELDS: Final = 3
_BY_STATUS: Final[dict[int, type[CommandFailed]]] = {
    401: NoAccess,
    403: NoAccess,
    404: Missing,
    408: TookTooLong,
    429: TryLater,
    502: TryLater,
    503: TryLater,
    504: TryLater,
}
_NO_WORD: Final = frozenset({502, 503, 504})
"""Where nothing is said about later, the server or a proxy before it does not know what became of the call."""


def failure_of(status: int, body: Any, *, retry_after: str | None = None, changes: bool = False) -> CommandFailed:
    """The failure that an answer with `status` stands for; `changes` is whether the call was to change something."""
    kind = _BY_STATUS.get(status, CommandFailed)
    if changes and status in _NO_WORD and retry_after is None:
        kind = Unanswered
    later = f" (retry after {retry_after} s)" if retry_after else ""
    return kind(f"{_message(body) or f'the server answered {status}'}{later}")


def _message(body: Any) -> str:
    if not isinstance(body, dict):
        return ""
    error = body.get("error")
    about = error if isinstance(error, dict) else body
    said = str((error if about is body else None) or about.get("message") or "")
    fields = _fields(about.get("details"))
    if not fields:
        return said
    named = "; ".join(fields[:MOST_FIELDS]) + ("; …" if len(fields) > MOST_FIELDS else "")
    return named if any(said in field for field in fields) else f"{said}: {named}"


def _fields(details: Any) -> list[str]:
    """What is wrong with each field that an answer names, as `name: Too big`."""
    found = [detail for detail in details if isinstance(detail, dict)] if isinstance(details, list) else []
    return [
        f"{_dotted(detail['path'])}: {detail['message']}"
        for detail in found
        if detail.get("path") and detail.get("message")
    ]


def _dotted(path: Any) -> str:
    """Some routes send the way to a field as a list, some joined."""
    return path if isinstance(path, str) else ".".join(map(str, path))
