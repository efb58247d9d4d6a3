"""Request and result of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from executor_service.engine.state import Output, Pause, RunState
from shared.contracts.jobs import BlockLog
from shared.contracts.runs import RunMode, RunOutcome, RunSpec, Usage
from shared.workflow.format.js_values import Json, JsonObject

if TYPE_CHECKING:
    from executor_service.engine.recorder import RunRecording


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """Request for one run: its spec and values of this process. `input` is the parsed body."""

    spec: RunSpec
    input: Json = None
    run_from: "RunFrom | None" = None
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

    @property
    def run_id(self) -> str:
        """Return the run's id, which workflows that it calls share."""
        return self.spec.run_id

    @property
    def workspace_id(self) -> str:
        """Return the workspace that the run belongs to."""
        return self.spec.snapshot.workspace_id

    @property
    def workflow_id(self) -> str:
        """Return the workflow that runs."""
        return self.spec.snapshot.workflow_id

    @property
    def run_workflow_id(self) -> str:
        """Return the top-level workflow, under which the run and its pauses are found."""
        return self.calling_workflow_id or self.workflow_id

    @property
    def sandbox_owner(self) -> str:
        """Return the owner whose scripts may share a process in turn: a workflow with the same secrets."""
        return f"{self.workspace_id}/{self.spec.user_id or ''}/{self.workflow_id}"

    @property
    def is_streaming(self) -> bool:
        """Return whether selected outputs are streamed during the run."""
        return self.spec.mode is not RunMode.SYNC and bool(self.spec.selected_outputs)


@dataclass(frozen=True, slots=True)
class RunFrom:
    """Run a block and its successors on the stored outputs of an earlier run."""

    block_id: str
    outputs: Mapping[str, Output]


class RunResult(msgspec.Struct, frozen=True):
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
    log_bytes: int = 0
    """Approximate size of `blocks` as JSON."""
    recording: "RunRecording | None" = None
    """The recording of an ended run, if it is recorded."""
