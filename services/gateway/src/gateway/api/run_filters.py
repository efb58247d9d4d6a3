"""Filters of runs in query parameters, for lists and statistics."""

from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from fastapi import Query

from gateway.runs.reader import split_names
from shared.contracts.logs import FindLogs
from shared.contracts.runs import RunStatus
from shared.errors import InvalidRequest
from shared.ids import run_key

MAX_TEXT_CHARS: Final = 200
MAX_VERSIONS: Final = 100
Names = Annotated[str | None, Query(max_length=10_000)]
Number = Annotated[float | None, Query(allow_inf_nan=False)]


def run_filters(
    workspace_id: Annotated[str, Query(alias="workspaceId", min_length=1)],
    *,
    workflow_ids: Annotated[Names, Query(alias="workflowIds")] = None,
    triggers: Names = None,
    level: Literal["info", "error"] | None = None,
    status: RunStatus | None = None,
    execution_id: Annotated[str | None, Query(alias="executionId", max_length=128)] = None,
    min_duration: Annotated[Number, Query(alias="minDurationMs")] = None,
    max_duration: Annotated[Number, Query(alias="maxDurationMs")] = None,
    min_cost: Annotated[Number, Query(alias="minCost")] = None,
    max_cost: Annotated[Number, Query(alias="maxCost")] = None,
    model: Annotated[str | None, Query(max_length=200)] = None,
    versions: Annotated[str | None, Query(max_length=1_000, description="Comma-separated version numbers.")] = None,
    draft: Annotated[
        bool | None, Query(description="`true`: only runs of drafts. `false`: only runs of versions.")
    ] = None,
    text: Annotated[
        str | None,
        Query(
            alias="q",
            max_length=MAX_TEXT_CHARS,
            description="Words of the input, the output or the error, all of which must occur; or a run id, or at least"
            " its first 8 characters.",
        ),
    ] = None,
) -> FindLogs:
    """Return the filters. Raises InvalidRequest."""
    named = split_names(workflow_ids)
    return FindLogs(
        workspace_id=workspace_id,
        workflow_ids=tuple(named) if named else None,
        triggers=tuple(split_names(triggers)),
        level=level,
        status=status,
        run_id=run_key(workspace_id, execution_id) if execution_id else None,
        min_duration_ms=min_duration,
        max_duration_ms=max_duration,
        min_cost_usd=min_cost,
        max_cost_usd=max_cost,
        model=model or None,
        versions=_versions(versions),
        draft=draft,
        text=(text or "").strip() or None,
    )


def with_zone(moment: datetime) -> datetime:
    """Return `moment`, in UTC if it has no zone."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _versions(text: str | None) -> tuple[int, ...]:
    names = split_names(text)
    if len(names) > MAX_VERSIONS or not all(name.isascii() and name.isdigit() and len(name) < 10 for name in names):
        raise InvalidRequest(f"versions must be at most {MAX_VERSIONS} comma-separated version numbers")
    return tuple(map(int, names))
