"""Runs as readers see them, in lists and in logs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from shared.contracts.cancels import RunFilter
from shared.contracts.jobs import RunPage, RunView
from shared.contracts.logs import FindLogs
from shared.contracts.payloads import Payload

EVERY_RUN: Final = RunFilter()


@dataclass(frozen=True, slots=True)
class PageQuery:
    """Which runs to list, newest first. `but_stopping`: without those that were asked to stop already."""

    workspace_id: str
    workflow_id: str | None = None
    only: RunFilter = EVERY_RUN
    limit: int = 50
    cursor: str | None = None
    but_stopping: bool = False


@dataclass(frozen=True, slots=True)
class ViewedRun:
    """A run for its readers; its blocks, where they were asked for, still as they are stored."""

    view: RunView
    blocks: Payload | None


class RunViews(Protocol):
    """Runs as readers see them. A run past its retention is not found."""

    async def by_run_id(self, run_id: str, *, output: bool, blocks: bool) -> ViewedRun | None: ...

    async def by_job_id(self, job_id: str, *, output: bool, blocks: bool) -> ViewedRun | None: ...

    async def page(self, query: PageQuery) -> RunPage:
        """One page. Raises InvalidRequest for a cursor that is none of ours."""
        ...


@dataclass(frozen=True, slots=True)
class LoggedRun:
    """A run in a list, and what names the place behind it."""

    run: ViewedRun
    cursor: str


@dataclass(frozen=True, slots=True)
class LoggedPage:
    """Runs of a list, which may be fewer than were asked for. `next_cursor` is None where the list ends."""

    runs: Sequence[LoggedRun]
    next_cursor: str | None


class RunLogs(Protocol):
    """Runs by what they did."""

    async def find(self, query: FindLogs) -> LoggedPage:
        """Up to `query.limit` runs. Raises InvalidRequest for a cursor that is none."""
        ...
