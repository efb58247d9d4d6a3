"""An error as one service tells another: by its code, so that the caller has the same class again."""

from typing import Any

import msgspec

from shared.errors import ERRORS_BY_CODE, FlowportError


class ErrorBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """What crosses the wire of a FlowportError."""

    code: str
    message: str
    details: Any = None
    retry_after: int | None = None

    @classmethod
    def of(cls, error: FlowportError) -> "ErrorBody":
        """`error`, to be told."""
        return cls(error.code, error.message, error.details, error.retry_after)

    def error(self) -> FlowportError:
        """The error that was told; a FlowportError where its code is not known here."""
        kind = ERRORS_BY_CODE.get(self.code, FlowportError)
        return kind(self.message, details=self.details, retry_after=self.retry_after)
