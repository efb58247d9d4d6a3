"""Ports for views of runs, in lists and logs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.contracts.jobs import EVERY_RUN, RunFilter, RunPage, RunView
from shared.contracts.payloads import Payload


@dataclass(frozen=True, slots=True)
class PageQuery:
    """Filter for runs, newest first. `exclude_canceling`: omit those already being canceled."""

    workspace_id: str
    workflow_id: str | None = None
    only: RunFilter = EVERY_RUN
    limit: int = 50
    cursor: str | None = None
    exclude_canceling: bool = False


@dataclass(frozen=True, slots=True)
class RunWithBlocks:
    """View of a run; its blocks, if requested, still as stored."""

    view: RunView
    blocks: Payload | None
    is_replay: bool = False
    """Whether it replays a recorded run for a set."""


class RunViewRepository(Protocol):
    """Views of runs. A run past its retention is not found."""

    async def by_run_id(self, run_id: str, *, output: bool, blocks: bool) -> RunWithBlocks | None: ...

    async def by_job_id(self, job_id: str, *, output: bool, blocks: bool) -> RunWithBlocks | None: ...

    async def page(self, query: PageQuery) -> RunPage:
        """Return one page. Raises InvalidRequest for an invalid cursor."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A run in a list, and the cursor behind it."""

    run: RunWithBlocks
    cursor: str


@dataclass(frozen=True, slots=True)
class LogPage:
    """A page of runs, possibly fewer than requested. `next_cursor` is None at the end of the list."""

    runs: Sequence[LogEntry]
    next_cursor: str | None
