"""Storage of single runs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from jobs_service.runs.run import Run
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunSpec
from shared.contracts.usage import Usage


@dataclass(frozen=True, slots=True)
class Seen:
    """A run, and the store's time when it was read."""

    run: Run
    now: datetime


@dataclass(frozen=True, slots=True)
class Claimable(Seen):
    """A run with everything a worker needs."""

    spec: RunSpec
    state: Payload | None = None
    """Engine state when the run became durable."""
    shown: tuple[Payload, ...] = ()
    """Results so far: an output, block results."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Result of a run. Large values are already in blobs."""

    output: Payload | None = None
    blocks: Payload | None = None
    usage: Usage = field(default_factory=Usage)
    duration_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """A paused attached run with everything needed to continue without its caller."""

    run: Run
    spec: RunSpec
    state: Payload
    result: Result


class Runs(Protocol):
    """Storage of single runs."""

    async def now(self) -> datetime: ...

    async def load(self, run_id: str) -> Seen | None: ...

    async def claimable(self, run_id: str) -> Claimable | None:
        """Return a durable run with its specification."""
        ...

    async def replace(self, before: Run, after: Run, result: Result | None = None) -> bool:
        """Store `after` if the run still equals `before`; return False if it was changed.

        QueueState.unbooked contains a waiting run that leaves the queue from then on.
        """
        ...

    async def renew(self, run_id: str, attempt: int) -> bool:
        """Renew the lease of `attempt`. False: it does not hold the run, or the run is being canceled."""
        ...

    async def overdue(self, limit: int, now: datetime, *, at_work: bool = True) -> Sequence[Seen]:
        """Return the runs due at `now`, the store's time; without `at_work`, those without a worker."""
        ...

    async def orphan_attached(self) -> None:
        """Make every attached run overdue: no process can report their ends."""
        ...

    async def adopt(self, adopted: Adopted) -> bool:
        """Make an attached run durable. False: it already is, has ended, or is being canceled."""
        ...

    async def reserve(self, run_id: str, workspace_id: str, workflow_id: str) -> bool:
        """Reserve an id for an attached run of this workflow; return False if it is taken."""
        ...

    async def unreserve(self, run_id: str, workspace_id: str) -> None:
        """Release a reserved id whose run never appeared."""
        ...
