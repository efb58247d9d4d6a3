"""Messages that nobody could work on, and runs that are to be run again: internal HTTP bodies of jobs-service."""

from datetime import datetime
from enum import StrEnum

import msgspec


class DeadLetterKind(StrEnum):
    """What the message was."""

    DURABLE_RUN = "durable_run"
    ATTACHED_RUN = "attached_run"
    RECORDS = "records"
    UNREADABLE = "unreadable"


class DeadLetterView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A dead letter for its readers. Whose it is, is not known of what could not be read."""

    id: str
    kind: DeadLetterKind
    queue: str
    reason: str
    """`rejected`, `expired`, `delivery_limit`, or why the message could not be read."""
    died_at: datetime
    """When it was seen last."""
    times: int = 1
    size: int = 0
    """Bytes of the message."""
    workspace_id: str | None = None
    workflow_id: str | None = None
    run_id: str | None = None


class DeadLetterPage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Dead letters, newest first. `next_cursor` is None on the last page."""

    letters: tuple[DeadLetterView, ...]
    next_cursor: str | None = None


class RedriveRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """Run the same version with the same input again, as a new run. Answered by RunAccepted.

    The new run belongs to the caller of the redrive, see RunSpec. A gateway of an earlier version names no caller: its
    redrives run without personal environment values.
    """

    workspace_id: str
    concurrency_limit: int
    actor_id: str | None = None
    caller_name: str | None = None
    user_id: str | None = None
