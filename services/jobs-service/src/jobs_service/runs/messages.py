"""The sentences that callers read when a run was ended from here."""

from datetime import timedelta

from shared.contracts.outcomes import WORKER_LOST, ErrorCode, RunError, time_out_text


def timed_out(limit_ms: int) -> RunError:
    """The run was longer under way than allowed."""
    return RunError(ErrorCode.TIMEOUT, time_out_text(limit_ms))


def stuck(limit_ms: int) -> RunError:
    """An attached run began and nobody ever told how it ended."""
    minutes = max(1, limit_ms // 60_000)
    return RunError(ErrorCode.WORKER_LOST, f"Job terminated: stuck in processing for more than {minutes} minutes")


def worker_lost() -> RunError:
    """It was under way when its worker stopped."""
    return RunError(ErrorCode.WORKER_LOST, WORKER_LOST)


def attempts_exhausted(losses: int) -> RunError:
    """Every worker that tried was lost."""
    text = f"The run was given up after {losses} attempts: its worker was lost each time"
    return RunError(ErrorCode.ATTEMPTS_EXHAUSTED, text)


def never_resumed(limit: timedelta) -> RunError:
    """It waited for an answer, and nobody gave one."""
    return RunError(ErrorCode.TIMEOUT, f"The run was paused and not resumed within {limit.days} days")


def too_old(limit: timedelta) -> RunError:
    """Return the error of a run that took too long with all its pauses."""
    return RunError(ErrorCode.TIMEOUT, f"The run was not finished within {limit.days} days, including its pauses")


def too_many_pauses(limit: int) -> RunError:
    """More than one run may wait for."""
    return RunError(ErrorCode.EXECUTION_FAILED, f"A run can wait for at most {limit} pauses at once")


def cancelled() -> RunError:
    """Somebody asked for it."""
    return RunError(ErrorCode.CANCELLED, "Cancelled")
