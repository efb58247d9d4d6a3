"""HTTP status of a failed run."""

from shared.contracts.runs import ErrorCode, RunError


def failure_status(error: RunError | None) -> int:
    """Return the HTTP status of a failed run, if it has its own."""
    if error is None:
        return 500
    return 408 if error.code is ErrorCode.TIMEOUT else error.http_status or 500
