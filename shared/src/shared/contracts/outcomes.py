"""How a run ends: what came of it, or why it failed."""

from datetime import datetime
from enum import StrEnum
from typing import Final, Self

import msgspec

from shared.clock import ms_between
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunStatus


class ErrorCode(StrEnum):
    """Why a run failed, for programs."""

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
"""Of what a failed block says, which may be another server's text. With it a run's end fits into any message."""


class RunError(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a run failed.

    `message` has no block prefix; `block_name` is set when a block is to blame. `http_status` is set when the failure
    is the caller's (400) or passes by itself (503), never from a status that a remote API answered.
    """

    code: ErrorCode
    message: str
    block_id: str | None = None
    block_name: str | None = None
    block_type: str | None = None
    http_status: int | None = None

    @property
    def text(self) -> str:
        """The message as the legacy API shows it: the block's name first."""
        return f"{self.block_name}: {self.message}" if self.block_name else self.message


def time_out_text(limit_ms: int) -> str:
    """What a caller is told whose run took longer than `limit_ms`: whole minutes from one minute on, else seconds."""
    if limit_ms < 1000:
        return f"Execution timed out after {limit_ms} ms"
    minutes, seconds = divmod(limit_ms // 1000, 60)
    if minutes == 0:
        return f"Execution timed out after {seconds} seconds"
    return f"Execution timed out after {minutes} minute{'' if minutes == 1 else 's'}"


NOT_KEPT: Final = "[not kept]"


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
        """Whether no worker ended it: the one that had it is gone."""
        return self.error is not None and self.error.code is ErrorCode.WORKER_LOST

    def for_caller(self) -> Self:
        """Return the outcome without the output that only logs show."""
        return self if self.output.logged is None else msgspec.structs.replace(self, output=self.output.exact())

    def without_data(self) -> Self:
        """As it may be kept where it must not say what the run gave; an error's text may repeat that."""
        error = None if self.error is None else msgspec.structs.replace(self.error, message=NOT_KEPT)
        return msgspec.structs.replace(self, output=Payload(), error=error)


def worker_lost(began_at: datetime, now: datetime) -> RunOutcome:
    """The end of a run whose worker is gone, and which nobody may begin again."""
    return _unworked(RunStatus.FAILED, began_at, now, RunError(ErrorCode.WORKER_LOST, WORKER_LOST, http_status=503))


def cancelled_unworked(asked_at: datetime, now: datetime) -> RunOutcome:
    """The end of a run that was cancelled while nobody worked on it."""
    return _unworked(RunStatus.CANCELLED, asked_at, now)


def _unworked(status: RunStatus, since: datetime, now: datetime, error: RunError | None = None) -> RunOutcome:
    return RunOutcome(
        status=status,
        output=EMPTY_OUTPUT,
        error=error,
        started_at=since,
        ended_at=now,
        duration_ms=ms_between(since, now),
    )
