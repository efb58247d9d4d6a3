"""Bodies of the v2 API."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from gateway.api.models import Cost
from gateway.web.bodies import RequestBody, Wire

MAX_BASE64_BYTES = 10 * 1024 * 1024
Status = Literal["queued", "running", "paused", "completed", "failed", "cancelled"]


class ExecuteBody(RequestBody):
    """Input and options of a run. Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid")

    input: dict[str, Any] = Field({}, description="Input of the workflow.")
    is_async: bool = Field(False, alias="async", description="Queue the run and return immediately.")
    execution_timeout_seconds: int | None = Field(
        None, ge=1, le=604_800, description="Lowers the time limit of an async run."
    )
    deployment_version: int | None = Field(
        None, ge=1, lt=2**31, description="Run this version instead of the live one, as X-Workflow-Version does."
    )
    stream: bool = Field(False, description="Answer with server-sent events.")
    selected_outputs: list[Annotated[str, StringConstraints(max_length=1000)]] = Field(
        [], max_length=100, description="Outputs to stream, as blockName.field."
    )
    include_thinking: bool = Field(False, description="Stream the model's reasoning.")
    include_tool_calls: bool = Field(False, description="Stream the model's tool calls.")
    include_file_base64: bool = Field(True, description="Put the content of files into the output.")
    base64_max_bytes: int | None = Field(
        None, gt=0, le=MAX_BASE64_BYTES, description="Largest file to put into the output, in bytes."
    )


class RunFault(Wire):
    """Error of a failed run."""

    message: str
    code: str
    block_id: str | None = None
    block_name: str | None = None
    block_type: str | None = None


class RunResult(Wire):
    """Result of a synchronous run."""

    run_id: str
    workflow_id: str
    status: Status
    output: Any
    error: RunFault | None
    started_at: str
    ended_at: str
    duration_ms: int


class QueuedRun(Wire):
    """Queued run and its status URL."""

    run_id: str
    status_url: str


class RunSummary(Wire):
    """Run in a list."""

    run_id: str
    workflow_id: str
    status: Status
    trigger: str
    started_at: str | None
    ended_at: str | None
    duration_ms: int | None
    cost: Cost | None


class RunList(Wire):
    data: list[RunSummary]
    next_cursor: str | None


class RunState(RunSummary):
    """Status of a run."""

    paused: dict[str, Any] | None
    error: RunFault | None
    output: Any
    block_outputs: dict[str, Any] | None
    repair_of: str | None = Field(None, description="The failed run that this run continues; absent for others.")


class CancelFacts(Wire):
    """Result of a cancel."""

    success: bool
    run_id: str
    redis_available: bool
    durably_recorded: bool
    locally_aborted: bool
    paused_cancelled: bool
    reason: str


class RunQuery(BaseModel):
    """Filter of runs, listed newest first."""

    limit: int = Field(50, ge=1, le=100)
    cursor: str | None = Field(None, max_length=500)
    status: Status | None = Field(None, description="Only runs with this status.")
    since: AwareDatetime | None = Field(None, description="Only runs accepted at this time or later.")
    until: AwareDatetime | None = Field(None, description="Only runs accepted before this time.")


class CancelRunsBody(RequestBody):
    """Runs to cancel; without any key, all unfinished ones."""

    model_config = ConfigDict(extra="forbid", strict=False)

    status: Literal["queued", "running", "paused"] | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None


class CancelledRuns(Wire):
    """Runs that were cancelled, or asked to stop; with `hasMore`, call again."""

    run_ids: list[str]
    has_more: bool


class ResumeBody(RequestBody):
    """Pause to end, and its answer."""

    model_config = ConfigDict(extra="forbid")

    context_id: str = Field(min_length=1, max_length=500)
    input: dict[str, Any] | None = None


class Fault(Wire):
    """Error of a failed call."""

    code: str
    message: str
    details: Any = None


class ErrorAnswer(Wire):
    error: Fault
