"""The bodies of the v2 API."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from gateway.http.bodies import RequestBody, Wire

MAX_BASE64_BYTES = 10 * 1024 * 1024
Status = Literal["queued", "running", "paused", "completed", "failed", "cancelled"]


class ExecuteBody(RequestBody):
    """What to run it with. Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid")

    input: dict[str, Any] = Field({}, description="Input of the workflow.")
    is_async: bool = Field(False, alias="async", description="Queue the run and answer at once.")
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
    """Why a run failed."""

    message: str
    code: str
    block_id: str | None = None
    block_name: str | None = None
    block_type: str | None = None


class RunResult(Wire):
    """A run that ended while its caller waited."""

    run_id: str
    workflow_id: str
    status: Status
    output: Any
    error: RunFault | None
    started_at: str
    ended_at: str
    duration_ms: int


class RunResultAnswer(Wire):
    data: RunResult


class QueuedRun(Wire):
    """Where to ask for the run."""

    run_id: str
    status_url: str


class QueuedRunAnswer(Wire):
    data: QueuedRun


class RunCost(Wire):
    """In US dollars."""

    total: float


class RunSummary(Wire):
    """A run in a list."""

    run_id: str
    workflow_id: str
    status: Status
    trigger: str
    started_at: str | None
    ended_at: str | None
    duration_ms: int | None
    cost: RunCost | None


class RunList(Wire):
    data: list[RunSummary]
    next_cursor: str | None


class RunState(RunSummary):
    """A run as it stands."""

    paused: dict[str, Any] | None
    error: RunFault | None
    output: Any
    block_outputs: dict[str, Any] | None


class RunStateAnswer(Wire):
    data: RunState


class CancelFacts(Wire):
    """What a cancel found."""

    success: bool
    run_id: str
    redis_available: bool
    durably_recorded: bool
    locally_aborted: bool
    paused_cancelled: bool
    reason: str


class CancelAnswer(Wire):
    data: CancelFacts


class RunQuery(BaseModel):
    """Which runs to list, newest first."""

    limit: int = Field(50, ge=1, le=100)
    cursor: str | None = Field(None, max_length=500)
    status: Status | None = Field(None, description="Only runs that stand so now.")
    since: AwareDatetime | None = Field(None, description="Only runs accepted at this time or later.")
    until: AwareDatetime | None = Field(None, description="Only runs accepted before this time.")


class CancelRunsBody(RequestBody):
    """Which runs to cancel; without any key, all that are not over."""

    model_config = ConfigDict(extra="forbid", strict=False)

    status: Literal["queued", "running", "paused"] | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None


class CancelledRuns(Wire):
    """The runs that were cancelled, or asked to stop; with `hasMore`, call again."""

    run_ids: list[str]
    has_more: bool


class CancelledRunsAnswer(Wire):
    data: CancelledRuns


class ResumeBody(RequestBody):
    """Which pause to end, and with what."""

    model_config = ConfigDict(extra="forbid")

    context_id: str = Field(min_length=1, max_length=500)
    input: dict[str, Any] | None = None


class Fault(Wire):
    """Why a call failed."""

    code: str
    message: str
    details: Any = None


class ErrorAnswer(Wire):
    error: Fault
