"""How runs are cancelled: one, or all of a workflow."""

from datetime import datetime
from enum import StrEnum

import msgspec

from shared.contracts.runs import RunStatus


class CancelReason(StrEnum):
    """What a cancel found."""

    RECORDED = "recorded"
    QUEUE_CANCELLED = "queue_cancelled"
    ALREADY_CANCELLED = "already_cancelled"


class RecordCancel(msgspec.Struct, frozen=True):
    """Cancel a run of this workflow, seen already or not."""

    workspace_id: str
    workflow_id: str


class CancelAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a cancel found. `reason` is a CancelReason, or the word of a newer version."""

    run_id: str
    reason: str
    was_paused: bool = False


class RunFilter(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which runs of a workflow are meant: those accepted from `since` on and before `until`, as they stand now."""

    status: RunStatus | None = None
    since: datetime | None = None
    until: datetime | None = None


class CancelRuns(msgspec.Struct, frozen=True):
    """Cancel all runs of this workflow that are not over, as far as `only` means them."""

    workspace_id: str
    workflow_id: str
    only: RunFilter


class CancelledRuns(msgspec.Struct, frozen=True):
    """Which runs were cancelled, or asked to stop. With `has_more`, ask again."""

    run_ids: tuple[str, ...]
    has_more: bool
