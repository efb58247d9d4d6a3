"""What the blocks need from outside, beside what the engine gives them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from executor_service.engine import ChildPin
from executor_service.providers import Listener, ModelRequest, Turn
from executor_service.sandbox import Conditions, Script, ScriptResult, Verdict
from shared.contracts.files import FileKey
from shared.contracts.memory import Remembered
from shared.workflow.compile.compiler import CompiledWorkflow


class CodeRunner(Protocol):
    """Runs user code where it can do no harm."""

    async def run(self, script: Script) -> ScriptResult:
        """Run a script. Raises SandboxBusy, SandboxUnavailable."""
        ...


class ConditionRunner(Protocol):
    """Evaluates user expressions where they can do no harm."""

    async def evaluate(self, conditions: Conditions) -> Verdict:
        """Find the first expression that is true. Raises SandboxBusy, SandboxUnavailable."""
        ...

    def forget(self, scope: str) -> None:
        """Let go of what the evaluations of a scope share."""
        ...


class ModelServer(Protocol):
    """Asks models."""

    async def turn(self, request: ModelRequest, listener: Listener | None = None) -> Turn:
        """One turn of a conversation. Raises ModelFailure."""
        ...

    def provider_of(self, model: str) -> str:
        """The provider's name."""
        ...


@dataclass(frozen=True, slots=True)
class ChildWorkflow:
    """The live version of a workflow that another one calls."""

    name: str
    snapshot_id: str
    compiled: CompiledWorkflow
    ticket: str = ""
    """The run ticket for this version: with it the called workflow calls others."""


class ChildWorkflows(Protocol):
    """Finds deployed workflows of the same workspace."""

    async def find(self, workspace_id: str, workflow_id: str) -> ChildWorkflow | None:
        """The live version; None when there is none in this workspace. Raises Unavailable."""
        ...

    async def recall(self, workspace_id: str, pin: ChildPin) -> ChildWorkflow:
        """The version that was called before, live or not. Raises NotFound, Unavailable."""
        ...


class MemoryStore(Protocol):
    """Conversations that outlive a run, each bounded, by workspace and id."""

    async def read(self, workspace_id: str, conversation_id: str) -> Sequence[Remembered]:
        """The messages, oldest first. Raises Unavailable."""
        ...

    async def append(
        self, workspace_id: str, conversation_id: str, messages: Sequence[Remembered], *, once: str
    ) -> None:
        """Add messages; a second call with the same `once` adds nothing. Raises PayloadTooLarge, Unavailable."""
        ...

    async def conversations(self, workspace_id: str) -> Mapping[str, Sequence[Remembered]]:
        """A workspace's conversations by id, those that changed last first. Raises Unavailable."""
        ...

    async def delete(self, workspace_id: str, conversation_id: str) -> bool:
        """Forget a conversation; tells whether there was one. Raises Unavailable."""
        ...


class Files(Protocol):
    """The files of runs."""

    async def get(self, key: FileKey) -> bytes:
        """Return the content. Raises NotFound (also for a file that the run may not read), Unavailable."""
        ...
