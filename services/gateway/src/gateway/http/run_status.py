"""HTTP status of a failed run."""

from shared.contracts.outcomes import ErrorCode, RunError


def failure_status(error: RunError | None) -> int:
    """The HTTP status of a run that failed, where it has one of its own."""
    if error is None:
        return 500
    return 408 if error.code is ErrorCode.TIMEOUT else error.http_status or 500
