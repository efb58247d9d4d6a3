"""What a run is asked to do, and what comes of it."""

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
    """One run, whichever way it was asked for. `input` is the parsed body; times are durations."""

    run_id: str
    workspace_id: str
    user_id: str | None = None
    """Whose environment values stand in for missing ones, besides the workspace's."""
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
    """The caller can take text back that it was sent."""
    include_block_events: bool = False
    """Emit BlockStarted and BlockEnded, for the canvas."""
    call_chain: tuple[str, ...] = ()
    """Ids of the workflows that led here, outermost first, this one not included."""
    within: str = ""
    """The place in another run that this one is part of, for a called workflow; empty for a run of its own."""
    pause_prefix: str = ""
    """What the names of its pauses begin with, likewise."""
    calling_workflow_id: str = ""
    """The workflow whose run it is part of, likewise."""
    public_url: str = ""
    """Where people reach this installation, for resume links."""
    keyed_providers: frozenset[str] = frozenset()
    """Model providers that this server has an API key for."""
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
        """The request of a run that arrived as a message; `body` is its input, parsed."""
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
        """The workflow that was asked for: where the run and its pauses are to be found."""
        return self.calling_workflow_id or self.workflow_id

    @property
    def sandbox_owner(self) -> str:
        """Return whose scripts may follow each other in one process: one workflow's that see the same secrets."""
        return f"{self.workspace_id}/{self.user_id or ''}/{self.workflow_id}"

    @property
    def sandbox_scope(self) -> str:
        """What one run's conditions may share: a context. Run ids alone are unique within a workspace only."""
        return f"{self.workspace_id}/{self.run_id}"

    @property
    def streams(self) -> bool:
        """Whether selected outputs go out while the run goes on."""
        return self.mode is not RunMode.SYNC and bool(self.selected_outputs)


@dataclass(frozen=True, slots=True)
class RunFrom:
    """Run a block and what follows it, on the stored outputs of an earlier run."""

    block_id: str
    outputs: Mapping[str, Output]


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended or paused. `output` is the value that `outcome.output` carries as JSON.

    `state` is set for a paused run: what to restore when it is resumed.
    """

    outcome: RunOutcome
    output: Output
    blocks: Sequence[BlockLog]
    usage: Usage
    pauses: Sequence[Pause] = ()
    state: RunState | None = None
    blocks_dropped: int = 0
    """Log entries past the bound, not in `blocks`."""
