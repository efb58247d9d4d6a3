"""Ports of replay sets, and the sets as the runner sees them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from jobs_service.queue.capacity import QueueCounter
from jobs_service.replay_sets.rules import Judgement, Purpose
from shared.contracts.recordings import ReplayResult
from shared.contracts.replay_sets import CreateReplaySet, ReplayCounts, ReplayedRunPage, ReplaySet, ReplaySetPage
from shared.ids import derived_id

WAITING: Final = "waiting"
STARTED: Final = "started"
DONE: Final = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOfSet:
    """A recorded run in a set."""

    id: str
    set_id: str
    number: int
    run: str
    """Key of the recorded run."""
    purpose: Purpose = Purpose.COMPARE
    round: int = 0
    state: str = WAITING
    snapshot_hash: str | None = None
    """The content to replay on, if it is not the set's."""
    version: int | None = None
    result: ReplayResult | None = None

    @property
    def replay_run_id(self) -> str:
        """Return the id of the run that replays it."""
        return replay_id(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSet:
    """A set in progress."""

    request: CreateReplaySet
    expires_at: datetime
    is_measuring: bool = False
    """Whether its measurements are stored."""
    started: Sequence[RunOfSet] = field(default=())

    @property
    def id(self) -> str:
        """Return the id of the set."""
        return self.request.id

    @property
    def workspace_id(self) -> str:
        """Return the workspace of the set."""
        return self.request.run.snapshot.workspace_id

    @property
    def workflow_id(self) -> str:
        """Return the workflow of the set."""
        return self.request.run.snapshot.workflow_id


Judged = tuple[RunOfSet, Judgement]


def replay_id(run: str) -> str:
    """Return the id of the run that replays a run of a set: the same after a crash, so that nothing runs twice."""
    return derived_id(f"replay/{run}")


class ReplaySetRepository(Protocol):
    """Replay sets by workspace and id. Every method raises Unavailable."""

    async def create(self, request: CreateReplaySet) -> ReplaySet:
        """Store a set, or return the one with this id.

        Raises NotFound (a recording), InvalidRequest (nothing is recorded), Conflict (the id belongs to another set, or
        the workspace has too many in progress).
        """

    async def get(self, workspace_id: str, workflow_id: str, set_id: str) -> ReplaySet:
        """Return a set. Raises NotFound."""

    async def page(self, workspace_id: str, workflow_id: str, *, limit: int, cursor: str | None) -> ReplaySetPage:
        """Return a workflow's sets, newest first."""

    async def runs(
        self, workspace_id: str, workflow_id: str, set_id: str, *, verdict: str | None, limit: int, cursor: int | None
    ) -> ReplayedRunPage:
        """Return the recorded runs of a set, in their order. Raises NotFound."""

    async def cancel(self, workspace_id: str, workflow_id: str, set_id: str, reason: str) -> Sequence[RunOfSet]:
        """Cancel a set; return the runs that may be in progress. A set that has ended stays unchanged.

        Raises NotFound.
        """

    async def open_sets(self, limit: int) -> Sequence[OpenSet]:
        """Return sets in progress with their started runs: the oldest of each workspace, then the second of each."""

    async def waiting(self, set_id: str, limit: int) -> Sequence[RunOfSet]:
        """Return the next runs to start."""

    async def recorded(self, workspace_id: str, workflow_id: str, runs: Sequence[str]) -> frozenset[str]:
        """Return those of these recorded runs of a workflow whose recording exists."""

    async def mark_started(self, runs: Sequence[RunOfSet]) -> None:
        """Note that the replays of these runs are accepted."""

    async def settle(self, open_set: OpenSet, judged: Sequence[Judged]) -> None:
        """Store and count verdicts."""

    async def count(self, set_id: str) -> tuple[ReplayCounts, int]:
        """Count the verdicts and store the counts; return them, and how many runs the budget did not cover."""

    async def has_open_runs(self, set_id: str) -> bool:
        """Return whether a run of the set has no verdict."""

    async def to_measure(self, set_id: str, limit: int) -> Sequence[RunOfSet]:
        """Return some runs that differ."""

    async def measure(self, open_set: OpenSet, runs: Sequence[RunOfSet]) -> None:
        """Add measurements to a set."""

    async def measured(self, set_id: str) -> Sequence[RunOfSet]:
        """Return the measurements of a set."""

    async def finish(
        self, set_id: str, counts: ReplayCounts, refusals: Sequence[str], suggestions: Sequence[str] | None
    ) -> None:
        """End a set with these counts, unless it was canceled, and delete its measurements."""

    async def reserve_call(self, workspace_id: str, workflow_id: str, set_id: str) -> bool:
        """Count one more model call; return False if the budget does not cover it."""

    async def charge_call(self, workspace_id: str, workflow_id: str, set_id: str, usd: float) -> None:
        """Add the cost of a model call."""


class RecordingReader(Protocol):
    """Recordings, for the runner."""

    async def read(self, workspace_id: str, workflow_id: str, run: str) -> bytes:
        """Return a recording as JSON. Raises NotFound, Unavailable."""


class ReplayOutputs(Protocol):
    """Outputs of replays, which show recorded values. Every method raises Unavailable."""

    async def delete(self, workspace_id: str, replays: Sequence[str]) -> None:
        """Delete the outputs of these runs, if they are replays of a set of this workspace."""

    async def delete_of_set(self, workspace_id: str, set_id: str) -> None:
        """Delete the outputs of a set's replays."""


class QueueCounters(Protocol):
    """Counters of the queue of runs."""

    async def counter(self, workspace_id: str) -> tuple[QueueCounter, datetime]:
        """Return a workspace's counter, and the store's time when it was read. Raises Unavailable."""
