"""Why a request cannot be read."""

from shared.errors import InvalidRequest


class MalformedJson(InvalidRequest):
    """The body is no JSON, or nested beyond reason."""

    code = "MALFORMED_JSON"

    def __init__(self) -> None:
        super().__init__("Invalid JSON in request body")
