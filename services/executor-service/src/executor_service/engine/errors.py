"""What can go wrong in a run, told apart by what follows from it."""

from executor_service.engine.state import ChildSpans, Output
from shared.contracts.outcomes import ErrorCode
from shared.errors import FlowportError


class BlockFailure(Exception):
    """A block failed, with a sentence for a person. An error edge may handle it.

    `http_status` is 400 when the caller or author is to blame, 503 when trying later may help. `partial` is what the
    block had produced before, and `child_spans` the trace of a workflow that it called. `can_retry` is False where the
    block's own retry settings must not apply.
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
        self.message = message
        self.code = code
        self.http_status = http_status
        self.can_retry = can_retry
        self.partial = partial or {}
        self.child_spans = child_spans


class BadReference(BlockFailure):
    """A reference to something that does not exist: whoever wrote the workflow is to blame."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code=ErrorCode.INVALID_INPUT, http_status=400, can_retry=False)


class UnknownVariable(BadReference):
    """`<variable.x>` where there is no x. Template text keeps it as typed; code fails."""


class SecretNotKept(BadReference):
    """A reference to what an earlier run gave, of which its log has kept no secret: it is not made up."""

    def __init__(self, raw: str) -> None:
        super().__init__(f"{raw} is a secret, which the log of the earlier run has not kept. Run the full workflow.")


class TooMuchText(BadReference):
    """References that give more text than a block may have, however small the workflow and its input are."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"References give more than {limit} characters: the limit of one block's settings is reached")


class ContainerFailure(Exception):
    """A loop or parallel cannot go on; no error edge handles that, and nothing is put before the message."""

    def __init__(self, message: str, *, http_status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.http_status = http_status


class BadCondition(Exception):
    """The condition of a loop cannot be evaluated, which ends the loop like one that is false."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class LimitReached(Exception):
    """The run went past one of its bounds, and ends."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class RunRefused(Exception):
    """The run cannot begin; no block was run."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def http_status_of(error: FlowportError) -> int | None:
    """What whoever called the workflow gets, where it is not the one of any failure: 503 when trying later may help."""
    return 503 if error.retryable else None
