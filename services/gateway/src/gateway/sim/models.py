"""Bodies of the legacy API, for OpenAPI and for tests of its responses."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from gateway.api.models import Cost
from gateway.parsing.problems import MAX_TEXT_LENGTH, MAX_TEXTS
from gateway.web.bodies import Wire
from shared.contracts.jobs import CancelReason


class ExecuteBody(Wire):
    """Control keys of an execute call. Every other key is input of the workflow."""

    model_config = ConfigDict(extra="allow", alias_generator=to_camel)

    input: Any = Field(None, description="Input of the workflow, if it is one value.")
    stream: bool = Field(False, description="Answer with server-sent events.")
    selected_outputs: list[Annotated[str, Field(max_length=MAX_TEXT_LENGTH)]] = Field(
        [], max_length=MAX_TEXTS, description="Outputs to stream, as blockName.field."
    )
    include_file_base64: bool = Field(True, description="Put the content of files into the output.")
    base64_max_bytes: int | None = Field(None, gt=0, description="Largest file to put into the output, in bytes.")
    stop_after_block_id: str | None = Field(None, description="End the run after this block.")
    execution_id: str | None = Field(None, description="Id of the run, chosen by the caller; used once.")
    include_thinking: bool = Field(False, description="Stream the model's reasoning.")
    include_tool_calls: bool = Field(False, description="Stream the model's tool calls.")


class RunTimes(Wire):
    """Start and end of the run."""

    duration: int = Field(description="Milliseconds.")
    start_time: str
    end_time: str


class ExecuteResult(Wire):
    """Result of a synchronous run."""

    success: bool
    execution_id: str
    output: Any
    metadata: RunTimes


class ExecuteFailure(Wire):
    """Failed run."""

    success: Literal[False]
    output: Any = None
    error: str
    metadata: RunTimes | None = None


class JobLinks(Wire):
    """Links to the run's status."""

    status: str


class Accepted(Wire):
    """Queued run."""

    success: Literal[True]
    is_async: Literal[True] = Field(alias="async")
    job_id: str
    execution_id: str
    message: str
    status_url: str
    task_id: str
    status: Literal["queued"]
    created_at: str
    links: JobLinks


class JobTimes(Wire):
    """Times of a job. A key is present once it has a value."""

    created_at: str
    started_at: str | None = None
    completed_at: str | None = None
    duration: int | None = Field(None, description="Milliseconds from start to completion.")
    workflow_id: str
    execution_id: str
    max_duration_seconds: int | None = Field(None, description="Time limit that the job exceeded.")


class JobStatus(Wire):
    """Status of a queued run."""

    success: Literal[True]
    task_id: str
    status: Literal["queued", "processing", "completed", "failed"]
    metadata: JobTimes
    estimated_duration: int | None = Field(None, description="Milliseconds; only while the job is not finished.")
    output: Any = None
    error: str | None = None


class RunState(Wire):
    """Status of a run."""

    execution_id: str
    workflow_id: str
    status: Literal["queued", "running", "paused", "completed", "failed", "cancelled"]
    trigger: str
    level: Literal["info", "error"]
    started_at: str | None
    ended_at: str | None
    total_duration_ms: int | None
    paused: dict[str, Any] | None
    cost: Cost | None
    error: str | None
    final_output: Any
    block_outputs: dict[str, Any] | None


class CancelResult(Wire):
    """Result of a cancel."""

    success: bool
    execution_id: str
    redis_available: bool
    durably_recorded: bool
    locally_aborted: bool
    paused_cancelled: bool
    reason: CancelReason


class PausePointModel(Wire):
    """Pause of a run."""

    context_id: str
    block_id: str
    pause_kind: Literal["human", "time"]
    registered_at: str
    resume_at: str | None
    response: Any
    resume_status: str
    snapshot_ready: bool
    resume_links: dict[str, str]


class PausedExecution(Wire):
    """Paused run."""

    id: str
    workflow_id: str
    execution_id: str
    status: Literal["paused", "partially_resumed"]
    total_pause_count: int
    resumed_count: int
    paused_at: str | None
    updated_at: str | None
    expires_at: str | None
    metadata: dict[str, Any]
    trigger_ids: list[str]
    pause_points: list[PausePointModel]


class PausedExecutions(Wire):
    """Paused runs of a workflow, newest first, without what their pauses show."""

    paused_executions: list[PausedExecution]
    next_cursor: str | None


class PausedContext(Wire):
    """A pause, and its run."""

    execution: PausedExecution
    pause_point: PausePointModel
    queue: list[Any]
    active_resume_entry: None


class Resumed(Wire):
    """The answer was accepted; the run continues as a job."""

    success: Literal[True]
    is_async: Literal[True] = Field(alias="async")
    status: Literal["started", "queued"]
    job_id: str
    execution_id: str
    message: str
    status_url: str
