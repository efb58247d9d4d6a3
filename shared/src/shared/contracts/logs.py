"""Lists of runs."""

from datetime import datetime
from typing import Final, Literal

import msgspec

from shared.contracts.runs import RunStatus

MAX_LOGS: Final = 1000
"""Runs on one page."""
MAX_DETAILED: Final = 20
"""Runs on one page that shows outputs or traces."""


class FindLogs(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Find runs of a workspace, by request time. Omitted fields do not filter; bounds are inclusive.

    Answered by RunPage. `output` and `blocks` include those of each run.
    """

    workspace_id: str
    workflow_ids: tuple[str, ...] | None = None
    triggers: tuple[str, ...] = ()
    level: Literal["info", "error"] | None = None
    status: RunStatus | None = None
    since: datetime | None = None
    until: datetime | None = None
    run_id: str | None = None
    min_duration_ms: float | None = None
    max_duration_ms: float | None = None
    min_cost_usd: float | None = None
    max_cost_usd: float | None = None
    model: str | None = None
    oldest_first: bool = False
    limit: int = 100
    cursor: str | None = None
    """The previous page's `next_cursor`, in the same order."""
    output: bool = False
    blocks: bool = False
    versions: tuple[int, ...] = ()
    draft: bool | None = None
    """Only runs of drafts, or only those of versions."""
    text: str | None = None
    """Words that the run's input, output or error contains, all of them, or the start of its id."""
