"""Why a request cannot be read."""

from shared.errors import InvalidRequest


class MalformedJson(InvalidRequest):
    """The body is no JSON, or nested beyond reason."""

    code = "MALFORMED_JSON"

    def __init__(self, reason: str | None = None) -> None:
        details = [{"path": "", "message": reason}] if reason else None
        super().__init__("Invalid JSON in request body", details=details)
