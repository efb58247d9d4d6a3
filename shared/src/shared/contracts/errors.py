"""Errors between services, identified by code, so that the caller restores the class."""

from typing import Any

import msgspec

from shared.errors import ERRORS_BY_CODE, FlowportError


class ErrorBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """Serialized fields of a FlowportError."""

    code: str
    message: str
    details: Any = None
    retry_after: int | None = None
    is_starting: bool = False
    """The service is still starting. It did not process the request, so a retry is safe."""

    @classmethod
    def of(cls, error: FlowportError) -> "ErrorBody":
        return cls(error.code, error.message, error.details, error.retry_after)

    def error(self) -> FlowportError:
        """Return the error of this code; a plain FlowportError if the code is unknown."""
        kind = ERRORS_BY_CODE.get(self.code, FlowportError)
        return kind(self.message, details=self.details, retry_after=self.retry_after)
