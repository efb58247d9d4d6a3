"""Cancellation of one run, or all runs of a workflow."""

from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from shared.contracts.runs import RunStatus


class CancelReason(StrEnum):
    """Result of a cancel request."""

    RECORDED = "recorded"
    QUEUE_CANCELLED = "queue_cancelled"
    ALREADY_CANCELLED = "already_cancelled"


class RecordCancel(msgspec.Struct, frozen=True):
    """Cancel a run of this workflow, even one not yet known."""

    workspace_id: str
    workflow_id: str


class CancelAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """Result of a cancel. `reason` is a CancelReason, or a newer version's code."""

    run_id: str
    reason: str
    was_paused: bool = False


class RunFilter(msgspec.Struct, frozen=True, omit_defaults=True):
    """Selects runs of a workflow: accepted from `since` on and before `until`, by current status."""

    status: RunStatus | None = None
    since: datetime | None = None
    until: datetime | None = None


EVERY_RUN: Final = RunFilter()


class CancelRuns(msgspec.Struct, frozen=True):
    """Cancel all active runs of this workflow that match `only`."""

    workspace_id: str
    workflow_id: str
    only: RunFilter


class CancelledRuns(msgspec.Struct, frozen=True):
    """Runs that were cancelled, or asked to stop. With `has_more`, repeat the request."""

    run_ids: tuple[str, ...]
    has_more: bool
