"""How runs are looked for by what they did."""

from datetime import datetime
from typing import Final, Literal

import msgspec

from shared.contracts.runs import RunStatus

MAX_LOGS: Final = 1000
"""Runs on one page."""
MAX_DETAILED: Final = 20
"""Runs on one page that shows outputs or traces."""


class FindLogs(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Runs of a workspace, by when they were asked for. What is not given narrows nothing; bounds belong to it.

    Answered by RunPage. `output` and `blocks` ask for those of each run.
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
    """The `next_cursor` of the page before, in the same order."""
    output: bool = False
    blocks: bool = False
