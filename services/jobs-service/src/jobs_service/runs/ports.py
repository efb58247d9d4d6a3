"""Runs, one at a time."""

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
    """A run with all that a worker needs."""

    spec: RunSpec
    state: Payload | None = None
    """Where the engine stood when the run was adopted."""
    shown: tuple[Payload, ...] = ()
    """What it has to show so far: an output, what its blocks did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a run leaves behind besides its state. Large values have been put into blobs before."""

    output: Payload | None = None
    blocks: Payload | None = None
    usage: Usage = field(default_factory=Usage)
    duration_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """An attached run that has paused, and all that it needs to go on without its caller."""

    run: Run
    spec: RunSpec
    state: Payload
    result: Result


class Runs(Protocol):
    """Runs, one at a time."""

    async def now(self) -> datetime: ...

    async def load(self, run_id: str) -> Seen | None: ...

    async def claimable(self, run_id: str) -> Claimable | None:
        """A durable run with its specification."""
        ...

    async def replace(self, before: Run, after: Run, result: Result | None = None) -> bool:
        """Store `after` if the run still is what `before` says. False: it was changed meanwhile.

        A waiting run that leaves the queue is found in QueueState.unbooked from then on.
        """
        ...

    async def renew(self, run_id: str, attempt: int) -> bool:
        """Prolong the lease of `attempt`. False: it does not hold the run, or the run is to be cancelled."""
        ...

    async def overdue(self, limit: int, now: datetime, *, at_work: bool = True) -> Sequence[Seen]:
        """Return the runs that are due at `now`, the store's time; without `at_work`, those that no worker holds."""
        ...

    async def orphan_attached(self) -> None:
        """Nobody is left who could tell how an attached run ended: every one of them is overdue."""
        ...

    async def adopt(self, adopted: Adopted) -> bool:
        """Make an attached run durable. False: it is so already, is over, or is to be cancelled."""
        ...

    async def reserve(self, run_id: str, workspace_id: str, workflow_id: str) -> bool:
        """Take an id for an attached run of this workflow. False: it is taken."""
        ...

    async def unreserve(self, run_id: str, workspace_id: str) -> None:
        """Give an id back that no run was seen of."""
        ...
