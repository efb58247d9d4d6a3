"""Errors of a run, by their consequences."""

from executor_service.engine.state import ChildSpans, Output
from shared.contracts.runs import ErrorCode
from shared.errors import FlowportError


class EngineError(Exception):
    """Base class of errors that end a block, a container or a run, with a message for users."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BlockFailure(EngineError):
    """A block failed, with a message for users. An error edge may handle it.

    `http_status` is 400 if the caller or author is responsible, 503 if a later attempt may succeed. `partial` is the
    block's output so far, and `child_spans` the trace of a workflow that it called. `can_retry` is False if the block's
    retry settings must not apply.
    """

    def __init__(
        self,
        message: str,
        *,
        code: ErrorCode = ErrorCode.BLOCK_EXECUTION_FAILED,
        http_status: int | None = None,
        can_retry: bool = True,
        partial: Output | None = None,
        child_spans: ChildSpans = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.http_status = http_status
        self.can_retry = can_retry
        self.partial = partial or {}
        self.child_spans = child_spans


class BadReference(BlockFailure):
    """A reference to something nonexistent: an error of the workflow's author."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code=ErrorCode.INVALID_INPUT, http_status=400, can_retry=False)


class UnknownVariable(BadReference):
    """`<variable.x>` where there is no x. Template text keeps it as typed; code fails."""


class SecretMasked(BadReference):
    """A reference to an earlier run's value whose secrets were masked in its log, so that it cannot be restored."""

    def __init__(self, raw: str) -> None:
        super().__init__(f"{raw} is masked in the log of the earlier run. Run the full workflow.")


class TextTooLong(BadReference):
    """References with more text than a block may have, however small the workflow and its input are."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The references in this block's settings exceed the limit of {limit} characters")


class ContainerFailure(EngineError):
    """A loop or parallel cannot continue; no error edge handles that, and the message gets no prefix."""

    def __init__(self, message: str, *, http_status: int | None = None) -> None:
        super().__init__(message)
        self.http_status = http_status


class BadCondition(EngineError):
    """The condition of a loop cannot be evaluated, which ends the loop as if false."""


class LimitReached(EngineError):
    """The run exceeded a limit, and ends."""


class RunRefused(EngineError):
    """The run cannot start; no block ran."""


def http_status_of(error: FlowportError) -> int | None:
    """Return the caller's HTTP status if it differs from that of other failures: 503 if a later attempt may succeed."""
    return 503 if error.retryable else None
