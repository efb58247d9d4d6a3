"""Repairs: new runs that continue the journals of failed runs."""

import msgspec

from shared.contracts.files import FileScope
from shared.contracts.jobs import RunAccepted, RunFilter
from shared.contracts.runs import SnapshotRef, Trigger


class ResumeStep(msgspec.Struct, frozen=True, omit_defaults=True):
    """A block of one version's graph, and its place in another version."""

    block_id: str
    block_name: str
    target: int | None = None
    """Number of the block in its body of the other version; None if its results cannot be used there."""
    problem: str | None = None
    """Why they cannot, as the end of a sentence that begins with the block."""


class ResumeMap(msgspec.Struct, frozen=True):
    """Positions of one version's blocks in another version, by number within each container; "" is the root."""

    bodies: dict[str, tuple[ResumeStep, ...]]


class FindRepairable(msgspec.Struct, frozen=True, omit_defaults=True):
    """Find one run, or a page of the failed runs of a workflow that have a journal."""

    workspace_id: str
    workflow_id: str
    run_id: str | None = None
    only: RunFilter = RunFilter()
    cursor: str | None = None
    limit: int = 100


class RepairableRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """A run, with the version and trigger that select its graph."""

    run_id: str
    trigger: Trigger
    version: int | None = None


class RepairablePage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Runs, newest first. `next_cursor` is None on the last page."""

    runs: tuple[RepairableRun, ...]
    next_cursor: str | None = None


class RepairRun(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Continue a failed run on `snapshot` as a new run, which belongs to the caller of the repair."""

    workspace_id: str
    workflow_id: str
    snapshot: SnapshotRef
    resume_map: ResumeMap
    concurrency_limit: int
    log_retention_ms: int = 0
    actor_id: str | None = None
    caller_name: str | None = None
    user_id: str | None = None
    file_scope: FileScope = FileScope.WORKFLOW
    traceparent: str | None = None
    repeat_uncertain: bool = False
    """Run blocks again whose effects are unknown because their worker was lost."""


class RepairedRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """The new run. `is_repeated`: an earlier request has created it."""

    run: RunAccepted
    is_repeated: bool = False
