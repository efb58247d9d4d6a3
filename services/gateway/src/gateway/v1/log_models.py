"""Bodies of the v1 logs API."""

from typing import Any

from pydantic import Field

from gateway.api.models import Cost
from gateway.web.bodies import Wire
from gateway.web.routes import Limits
from shared.contracts.runs import RunStatus


class FullCost(Cost):
    """The same, itemized."""

    tokens: dict[str, int]
    models: dict[str, dict[str, Any]]


class LogRow(Wire):
    """Run in a list."""

    id: str
    workflow_id: str
    execution_id: str
    deployment_version_id: str | None
    level: str = Field(description="`error` if the run failed, otherwise `info`.")
    status: RunStatus = Field(description="More detailed than `level`.")
    trigger: str
    version: int | None = Field(description="Number of the version that ran; null for a draft.")
    is_draft: bool
    caller: str | None = Field(description="Name of the key or user that called; null for public calls.")
    started_at: str
    ended_at: str | None
    total_duration_ms: int | None
    cost: Cost | None
    files: list[dict[str, Any]] | None = Field(description="Files that the caller sent; only with block details.")
    workflow: dict[str, Any] | None = Field(None, description="With `details=full`: id, name and description.")
    trace_spans: list[dict[str, Any]] | None = None
    final_output: Any = None
    search_is_cut: bool = Field(
        False,
        description="The values have more words than the search index stores: `q` finds the run by a part of them.",
    )


class ExecutionData(Wire):
    """Execution details of a run."""

    trace_spans: list[dict[str, Any]]
    final_output: Any
    trigger: str
    status: str
    error: str | None = None
    error_details: dict[str, Any] | None = None


class LogDetail(LogRow):
    """Run in full."""

    cost: FullCost | None = None
    execution_data: ExecutionData
    created_at: str
    http_status: int | None = Field(
        None, description="Status of the response to `POST /api/workflows/{id}/execute`; null unless it is synchronous."
    )


class LogList(Wire):
    data: list[LogRow]
    next_cursor: str | None = None
    limits: Limits


class ExecutionAnswer(Wire):
    """Run and the workflow state that it executed."""

    execution_id: str
    workflow_id: str
    workflow_state: dict[str, Any] | None
    execution_metadata: dict[str, Any]
    limits: Limits
