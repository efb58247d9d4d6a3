"""Storage of single runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from jobs_service.runs.run import Run
from jobs_service.runs.words import NO_WORDS, HashedWords
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunSpec, Usage


@dataclass(frozen=True, slots=True)
class LoadedRun:
    """A run, and the store's time when it was read."""

    run: Run
    now: datetime


@dataclass(frozen=True, slots=True)
class ClaimableRun(LoadedRun):
    """A run with everything a worker needs."""

    spec: RunSpec
    state: Payload | None = None
    """Engine state when the run became durable."""
    shown: tuple[Payload, ...] = ()
    """Results so far: an output, block results."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """Result of a run. Large values are already in blobs."""

    output: Payload | None = None
    blocks: Payload | None = None
    usage: Usage = field(default_factory=Usage)
    duration_ms: float | None = None
    words: HashedWords = NO_WORDS
    """Words of an ended run's values, for the search index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptedRun:
    """A paused attached run with everything needed to continue without its caller."""

    run: Run
    spec: RunSpec
    state: Payload
    result: RunResult


@dataclass(frozen=True, slots=True)
class RunHooks:
    """Callbacks of a repository that stores runs. By default nothing subscribes or observes."""

    has_subscribers: Callable[[str], bool] = lambda _workspace_id: False
    """Returns whether a workspace subscribes to the ends of its runs."""
    observe: Callable[[Run, RunResult | None], None] = lambda _run, _result: None
    """Receives each stored run, and its result if a worker reported one."""


NO_HOOKS: Final = RunHooks()


class RunRepository(Protocol):
    """Storage of single runs."""

    async def now(self) -> datetime: ...

    async def load(self, run_id: str) -> LoadedRun | None: ...

    async def claimable(self, run_id: str) -> ClaimableRun | None:
        """Return a durable run with its specification."""

    async def replace(self, before: Run, after: Run, result: RunResult | None = None) -> bool:
        """Store `after` if the run still equals `before`; return False if it was changed.

        QueueState.unbooked contains a waiting run that leaves the queue from then on.
        """

    async def renew(self, run_id: str, attempt: int) -> bool:
        """Renew the lease of `attempt`. False: it does not hold the run, or the run is being canceled."""

    async def find_overdue(self, limit: int, now: datetime, *, in_progress: bool = True) -> Sequence[LoadedRun]:
        """Return the runs due at `now`, the store's time; without `in_progress`, those without a worker."""

    async def expire_attached(self) -> None:
        """Make every attached run overdue: no process can report their ends."""

    async def adopt(self, adopted: AdoptedRun) -> bool:
        """Make an attached run durable. False: it already is, has ended, or is being canceled."""

    async def reserve(self, run_id: str, workspace_id: str, workflow_id: str) -> bool:
        """Reserve an id for an attached run of this workflow; return False if it is taken."""

    async def unreserve(self, run_id: str, workspace_id: str) -> None:
        """Release a reserved id whose run never appeared."""
