"""Error messages of runs that jobs-service ends."""

from datetime import timedelta

from shared.contracts.runs import WORKER_LOST, ErrorCode, RunError, timeout_message


def timed_out(limit_ms: int) -> RunError:
    """Return the error of a run over its time limit."""
    return RunError(ErrorCode.TIMEOUT, timeout_message(limit_ms))


def stuck(limit_ms: int) -> RunError:
    """Return the error of an attached run whose end was never reported."""
    minutes = max(1, limit_ms // 60_000)
    return RunError(ErrorCode.WORKER_LOST, f"Job terminated: stuck in processing for more than {minutes} minutes")


def worker_lost() -> RunError:
    """Return the error of a run whose worker stopped."""
    return RunError(ErrorCode.WORKER_LOST, WORKER_LOST)


def attempts_exhausted(losses: int) -> RunError:
    """Return the error of a run that lost every worker."""
    text = f"The run failed after {losses} attempts: its worker was lost each time"
    return RunError(ErrorCode.ATTEMPTS_EXHAUSTED, text)


def never_resumed(limit: timedelta) -> RunError:
    """Return the error of a pause that was never answered."""
    return RunError(ErrorCode.TIMEOUT, f"The run was not resumed within {limit.days} days")


def too_old(limit: timedelta) -> RunError:
    """Return the error of a run that took too long with all its pauses."""
    return RunError(ErrorCode.TIMEOUT, f"The run did not finish within {limit.days} days, including its pauses")


def too_many_pauses(limit: int) -> RunError:
    """Return the error of a run with too many pauses."""
    return RunError(ErrorCode.EXECUTION_FAILED, f"A run can wait for at most {limit} pauses at once")


def cancelled() -> RunError:
    """Return the error of a canceled run."""
    return RunError(ErrorCode.CANCELLED, "Cancelled")


def journal_expired() -> RunError:
    """Return the error of a repair that was not claimed before its journal expired."""
    text = "The results of the failed run expired before the repair started"
    return RunError(ErrorCode.EXECUTION_FAILED, text)
