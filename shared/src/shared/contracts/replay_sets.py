"""Replay sets: recorded runs that are replayed together on one snapshot of a workflow."""

from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from shared.contracts.recordings import ReplayResult
from shared.contracts.runs import RunSpec

MAX_REPLAYED_RUNS: Final = 1_000


class ReplaySetStatus(StrEnum):
    """Status of a set. All but the first are final."""

    RUNNING = "running"
    PASSED = "passed"
    """Within its thresholds."""
    REFUSED = "refused"
    CANCELED = "canceled"


class ReplayedVerdict(StrEnum):
    """Result of one recorded run of a set."""

    SAME = "same"
    DIFFERENT = "different"
    UNRECORDED = "unrecorded"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Not compared; the reason says why."""


class ReplayThresholds(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """Maximum numbers of runs with which a set passes."""

    max_different: int = 0
    max_unrecorded: int = 0
    max_failed: int = 0


class ModelBudget(msgspec.Struct, frozen=True, rename="camel"):
    """Limits on the model calls of a set."""

    max_dollars: float
    max_calls: int


class CreateReplaySet(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Replay recorded runs of a workflow. A repeated request with the same id returns the first set."""

    id: str
    run: RunSpec
    """Run of the snapshot to replay on; each replay is this run with its own id and recording."""
    concurrency_limit: int
    created_by: str = ""
    is_draft: bool = False
    last: int = 200
    """Number of recorded runs, newest first."""
    run_ids: tuple[str, ...] = ()
    """Keys of the recorded runs; empty: the last ones."""
    ignore: tuple[str, ...] = ()
    thresholds: ReplayThresholds = ReplayThresholds()
    budget: ModelBudget | None = None
    """Budget for calling models whose answer is not recorded; None: none is called."""
    suggest_ignore: bool = True
    """Find fields that change in every run."""
    fingerprint: str = ""
    """Hash of the caller's request: another request with the same id is refused."""


class ReplayCounts(msgspec.Struct, frozen=True, omit_defaults=True):
    """Number of runs with each verdict."""

    same: int = 0
    different: int = 0
    unrecorded: int = 0
    failed: int = 0
    skipped: int = 0

    @property
    def done(self) -> int:
        """Return the number of runs with a verdict."""
        return self.compared + self.skipped

    @property
    def compared(self) -> int:
        """Return the number of runs that were compared with their recording."""
        return self.same + self.different + self.unrecorded + self.failed


class ReplaySet(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A set and its results so far."""

    id: str
    workspace_id: str
    workflow_id: str
    status: ReplaySetStatus
    created_at: datetime
    finished_at: datetime | None = None
    expires_at: datetime | None = None
    created_by: str = ""
    snapshot_hash: str
    """Content that is replayed."""
    version: int | None = None
    is_draft: bool = False
    ignore: tuple[str, ...] = ()
    thresholds: ReplayThresholds = ReplayThresholds()
    budget: ModelBudget | None = None
    total: int = 0
    counts: ReplayCounts = ReplayCounts()
    recorded_p50_ms: float | None = None
    replayed_p50_ms: float | None = None
    recorded_usd: float = 0.0
    replayed_usd: float = 0.0
    """Spend of the replays on models that were called."""
    model_calls: int = 0
    suggested_ignore: tuple[str, ...] | None = None
    """Patterns of fields that change in every run; None until they are known, or if not requested."""
    refusals: tuple[str, ...] = ()
    """Why the set does not pass."""


class ReplaySetPage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Sets, newest first. `next_cursor` is None on the last page."""

    sets: tuple[ReplaySet, ...] = ()
    next_cursor: str | None = None


class ReplayedRun(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One recorded run of a set."""

    run_id: str
    """Id of the recorded run."""
    replay_run_id: str | None = None
    verdict: ReplayedVerdict | None = None
    """None until it is known."""
    reason: str | None = None
    """Why the run was skipped or could not be replayed."""
    result: ReplayResult | None = None


class ReplayedRunPage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Runs of a set in the order of their recordings, newest first. `next_cursor` is None on the last page."""

    runs: tuple[ReplayedRun, ...] = ()
    next_cursor: str | None = None


class ModelCallAnswer(msgspec.Struct, frozen=True):
    """Whether the budget of a set covers one more model call."""

    is_granted: bool


class ModelCost(msgspec.Struct, frozen=True):
    """Cost of a model call of a set."""

    usd: float
