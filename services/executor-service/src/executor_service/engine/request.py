"""Request and result of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from executor_service.engine.state import Output, Pause, RunState
from shared.contracts.block_logs import BlockLog
from shared.contracts.outcomes import RunOutcome
from shared.contracts.runs import RunMode, RunSpec, Trigger
from shared.contracts.usage import Usage
from shared.workflow.format.js_values import Json, JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """Request of any kind for one run. `input` is the parsed body; times are durations."""

    run_id: str
    workspace_id: str
    user_id: str | None = None
    """User whose environment values supplement the workspace's."""
    workflow_id: str
    workflow_name: str = ""
    input: Json = None
    mode: RunMode = RunMode.SYNC
    trigger: Trigger = Trigger.API
    time_limit_ms: int
    time_limit_text_ms: int | None = None
    selected_outputs: tuple[str, ...] = ()
    stop_after_block_id: str | None = None
    run_from: "RunFrom | None" = None
    start_block_id: str | None = None
    include_thinking: bool = False
    include_tool_calls: bool = False
    agent_events: bool = False
    """Whether the caller can take back streamed text."""
    include_block_events: bool = False
    """Emit BlockStarted and BlockEnded, for the canvas."""
    call_chain: tuple[str, ...] = ()
    """Ids of the calling workflows, outermost first, without this one."""
    parent_path: str = ""
    """A called workflow's place in its parent run; empty for a top-level run."""
    pause_prefix: str = ""
    """Prefix of its pauses' names, likewise."""
    calling_workflow_id: str = ""
    """The workflow of its parent run, likewise."""
    public_url: str = ""
    """This installation's public URL, for resume links."""
    keyed_providers: frozenset[str] = frozenset()
    """Model providers with an API key on this server."""
    resumptions: Mapping[str, JsonObject] = field(default_factory=dict)
    """Answers to pauses, by context id."""

    @classmethod
    def from_spec(
        cls,
        spec: RunSpec,
        body: Json,
        *,
        keyed_providers: frozenset[str] = frozenset(),
        public_url: str = "",
        run_from: "RunFrom | None" = None,
        resumptions: Mapping[str, JsonObject] | None = None,
    ) -> "RunRequest":
        """Return the request for a run's message; `body` is its parsed input."""
        return cls(
            run_id=spec.run_id,
            workspace_id=spec.snapshot.workspace_id,
            user_id=spec.user_id,
            workflow_id=spec.snapshot.workflow_id,
            workflow_name=spec.workflow_name,
            input=body,
            mode=spec.mode,
            trigger=spec.trigger,
            time_limit_ms=spec.time_limit_ms,
            time_limit_text_ms=spec.time_limit_text_ms,
            selected_outputs=spec.selected_outputs,
            stop_after_block_id=spec.stop_after_block_id,
            include_thinking=spec.include_thinking,
            include_tool_calls=spec.include_tool_calls,
            agent_events=spec.agent_events,
            call_chain=spec.call_chain,
            keyed_providers=keyed_providers,
            public_url=public_url,
            include_block_events=spec.include_block_events,
            start_block_id=spec.start_block_id,
            run_from=run_from,
            resumptions=resumptions or {},
        )

    @property
    def run_workflow_id(self) -> str:
        """Return the top-level workflow, under which the run and its pauses are found."""
        return self.calling_workflow_id or self.workflow_id

    @property
    def sandbox_owner(self) -> str:
        """Return the owner whose scripts may share a process in turn: a workflow with the same secrets."""
        return f"{self.workspace_id}/{self.user_id or ''}/{self.workflow_id}"

    @property
    def sandbox_scope(self) -> str:
        """Return the context shared by one run's conditions. Run ids alone are unique only within a workspace."""
        return f"{self.workspace_id}/{self.run_id}"

    @property
    def is_streaming(self) -> bool:
        """Return whether selected outputs are streamed during the run."""
        return self.mode is not RunMode.SYNC and bool(self.selected_outputs)


@dataclass(frozen=True, slots=True)
class RunFrom:
    """Run a block and what follows it, on the stored outputs of an earlier run."""

    block_id: str
    outputs: Mapping[str, Output]


@dataclass(frozen=True, slots=True)
class RunResult:
    """Result of an ended or paused run. `output` is the value that `outcome.output` carries as JSON.

    `state` is set for a paused run, to restore it on resume.
    """

    outcome: RunOutcome
    output: Output
    blocks: Sequence[BlockLog]
    usage: Usage
    pauses: Sequence[Pause] = ()
    state: RunState | None = None
    blocks_dropped: int = 0
    """Log entries over the limit, not in `blocks`."""
