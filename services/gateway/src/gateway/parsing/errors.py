"""Errors of unreadable requests."""

from shared.errors import InvalidRequest
from shared.workflow.format.sizes import MAX_VALUES


class MalformedJson(InvalidRequest):
    """The body is not JSON, or too deeply nested."""

    code = "MALFORMED_JSON"

    def __init__(self, reason: str | None = None) -> None:
        details = [{"path": "", "message": reason}] if reason else None
        super().__init__("Invalid JSON in request body", details=details)


class TooManyValues(InvalidRequest):
    """The body has more JSON values than allowed."""

    code = "TOO_MANY_VALUES"

    def __init__(self) -> None:
        super().__init__(f"Request body has too many JSON values: the limit is {MAX_VALUES}")
