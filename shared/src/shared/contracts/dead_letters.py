"""Dead letters and redrives: internal HTTP bodies of jobs-service."""

from datetime import datetime
from enum import StrEnum

import msgspec

from shared.contracts.files import FileScope


class DeadLetterKind(StrEnum):
    """The kind of message."""

    DURABLE_RUN = "durable_run"
    ATTACHED_RUN = "attached_run"
    RECORDS = "records"
    UNREADABLE = "unreadable"


class DeadLetterView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A dead letter for its readers. The owner of an unreadable message is unknown."""

    id: str
    kind: DeadLetterKind
    queue: str
    reason: str
    """`rejected`, `expired`, `delivery_limit`, or why the message could not be read."""
    died_at: datetime
    """When it was last seen."""
    times: int = 1
    size: int = 0
    """Message size in bytes."""
    workspace_id: str | None = None
    workflow_id: str | None = None
    run_id: str | None = None


class DeadLetterPage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Dead letters, newest first. `next_cursor` is None on the last page."""

    letters: tuple[DeadLetterView, ...]
    next_cursor: str | None = None


class RedriveRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """Run the same version with the same input as a new run. Answered by RunAccepted.

    The new run belongs to the caller of the redrive, see RunSpec. A gateway of an earlier version names no caller: its
    redrives run without personal environment values, and read only files of their workflow.
    """

    workspace_id: str
    concurrency_limit: int
    actor_id: str | None = None
    caller_name: str | None = None
    user_id: str | None = None
    file_scope: FileScope = FileScope.WORKFLOW
    log_retention_ms: int | None = None
    """None: that of the first run."""
    traceparent: str | None = None
