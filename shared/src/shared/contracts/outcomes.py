"""Outcomes of runs: output, or error."""

from datetime import datetime
from enum import StrEnum
from typing import Final, Self

import msgspec

from shared.clock import ms_between
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunStatus


class ErrorCode(StrEnum):
    """Error codes of failed runs, for programs."""

    TIMEOUT = "TIMEOUT"
    CANCELLED = "CANCELLED"
    INVALID_INPUT = "INVALID_INPUT"
    BLOCK_EXECUTION_FAILED = "BLOCK_EXECUTION_FAILED"
    BLOCK_OUTCOME_UNKNOWN = "BLOCK_OUTCOME_UNKNOWN"
    CHILD_WORKFLOW_FAILED = "CHILD_WORKFLOW_FAILED"
    EXECUTION_FAILED = "EXECUTION_FAILED"
    USAGE_LIMIT_EXCEEDED = "USAGE_LIMIT_EXCEEDED"
    WORKER_LOST = "WORKER_LOST"
    ATTEMPTS_EXHAUSTED = "ATTEMPTS_EXHAUSTED"


MAX_ERROR_CHARS: Final = 64 * 1024
"""Limit of a failed block's message, which may come from another server. A run's end then fits into any message."""


class RunError(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a run failed.

    `message` has no block prefix; `block_name` is set if a block caused the failure. `http_status` is set if the caller
    caused it (400) or it is temporary (503), never from a status that a remote API returned.
    """

    code: ErrorCode
    message: str
    block_id: str | None = None
    block_name: str | None = None
    block_type: str | None = None
    http_status: int | None = None

    @property
    def text(self) -> str:
        """Return the message in the legacy API's format: the block's name first."""
        return f"{self.block_name}: {self.message}" if self.block_name else self.message


def timeout_message(limit_ms: int) -> str:
    """Return the message for a run that took longer than `limit_ms`: whole minutes from one minute on, else seconds."""
    if limit_ms < 1000:
        return f"Execution timed out after {limit_ms} ms"
    minutes, seconds = divmod(limit_ms // 1000, 60)
    if minutes == 0:
        return f"Execution timed out after {seconds} seconds"
    return f"Execution timed out after {minutes} minute{'' if minutes == 1 else 's'}"


NOT_STORED: Final = "[not kept]"


EMPTY_OUTPUT: Final = Payload(inline=msgspec.Raw(b"{}"), size=2)
WORKER_LOST: Final = "The worker was stopped before the run ended"


class RunOutcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a run ended (or paused)."""

    status: RunStatus
    output: Payload
    error: RunError | None = None
    started_at: datetime
    ended_at: datetime
    duration_ms: float
    is_response: bool = False
    """The output is a Response block's `{data, status, headers}`."""

    @property
    def is_loss(self) -> bool:
        """Return whether the run ended because its worker was lost."""
        return self.error is not None and self.error.code is ErrorCode.WORKER_LOST

    def for_caller(self) -> Self:
        """Return the outcome without the output that only logs show."""
        return self if self.output.logged is None else msgspec.structs.replace(self, output=self.output.exact())

    def without_data(self) -> Self:
        """Return the outcome without its output and the error's text, which may repeat it."""
        error = None if self.error is None else msgspec.structs.replace(self.error, message=NOT_STORED)
        return msgspec.structs.replace(self, output=Payload(), error=error)


def worker_lost(began_at: datetime, now: datetime) -> RunOutcome:
    """Return the outcome of a run whose worker was lost, and that must not restart."""
    return _ended_without_worker(
        RunStatus.FAILED, began_at, now, RunError(ErrorCode.WORKER_LOST, WORKER_LOST, http_status=503)
    )


def cancelled_without_worker(asked_at: datetime, now: datetime) -> RunOutcome:
    """Return the outcome of a run that was cancelled while no worker executed it."""
    return _ended_without_worker(RunStatus.CANCELLED, asked_at, now)


def _ended_without_worker(
    status: RunStatus, since: datetime, now: datetime, error: RunError | None = None
) -> RunOutcome:
    return RunOutcome(
        status=status,
        output=EMPTY_OUTPUT,
        error=error,
        started_at=since,
        ended_at=now,
        duration_ms=ms_between(since, now),
    )
