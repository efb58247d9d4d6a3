"""User-supplied texts: trimmed and bounded."""

from typing import Final

from shared.errors import InvalidRequest
from shared.workflow.format.references import is_environment_name

WORKFLOW_NAME_LIMIT: Final = 200
WORKFLOW_DESCRIPTION_LIMIT: Final = 2_000
VERSION_NAME_LIMIT: Final = 100
VERSION_DESCRIPTION_LIMIT: Final = 50_000
ENVIRONMENT_VALUE_LIMIT: Final = 65_536


def checked_name(field: str, text: str, limit: int) -> str:
    """Return `text` trimmed. Raises InvalidRequest unless 1 to `limit` characters are left."""
    trimmed = text.strip()
    if not 1 <= len(trimmed) <= limit:
        raise _invalid_field(field, f"must have 1 to {limit} characters")
    return trimmed


def checked_text(field: str, text: str, limit: int) -> str:
    """Return `text` unchanged. Raises InvalidRequest over `limit` characters."""
    if len(text) > limit:
        raise _invalid_field(field, f"must have at most {limit} characters")
    return text


def checked_environment_name(name: str) -> str:
    """Return a name valid in `{{NAME}}`. Raises InvalidRequest."""
    if not is_environment_name(name):
        raise _invalid_field(
            "name", "must be 1 to 128 letters, digits, '_', '-' or '.', and begin with a letter or '_'"
        )
    return name


def invalid(field: str, message: str, *, expected: str = "") -> InvalidRequest:
    """Return the error of `field`, a dotted path. The detail repeats `message`, or contains only `expected`."""
    return InvalidRequest(message, details=[{"path": field.split("."), "message": expected or message}])


def _invalid_field(field: str, expected: str) -> InvalidRequest:
    return invalid(field, f"{field} {expected}", expected=expected)
