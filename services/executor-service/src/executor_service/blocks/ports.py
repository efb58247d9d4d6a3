"""Ports of the blocks, besides the engine's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from executor_service.engine import ChildPin
from executor_service.providers import Listener, ModelRequest, Turn
from executor_service.sandbox import ConditionResult, Conditions, Script, ScriptResult
from shared.contracts.conversations import ConversationMessage
from shared.contracts.files import FileKey
from shared.workflow.compile.compiler import CompiledWorkflow


class CodeRunner(Protocol):
    """Runs user code in isolation."""

    async def run(self, script: Script) -> ScriptResult:
        """Run a script. Raises SandboxBusy, SandboxUnavailable."""


class ConditionRunner(Protocol):
    """Evaluates user expressions in isolation."""

    async def evaluate(self, conditions: Conditions) -> ConditionResult:
        """Find the first expression that is true. Raises SandboxBusy, SandboxUnavailable."""


class ModelServer(Protocol):
    """Asks models."""

    async def turn(self, request: ModelRequest, listener: Listener | None = None) -> Turn:
        """Request one turn of a conversation. Raises ModelFailure."""

    def provider_of(self, model: str) -> str:
        """Return the provider's name."""


@dataclass(frozen=True, slots=True)
class ChildWorkflow:
    """Live version of a called workflow."""

    name: str
    snapshot_id: str
    compiled: CompiledWorkflow
    ticket: str = ""
    """Run ticket for this version, with which the called workflow calls others."""


class ChildWorkflows(Protocol):
    """Finds deployed workflows of the same workspace."""

    async def find(self, workspace_id: str, workflow_id: str) -> ChildWorkflow | None:
        """Return the live version; None if this workspace has none. Raises Unavailable."""

    async def find_pinned(self, workspace_id: str, pin: ChildPin) -> ChildWorkflow:
        """Return the version called before, live or not. Raises NotFound, Unavailable."""


class MemoryStore(Protocol):
    """Bounded conversations across runs, by workspace and id."""

    async def read(self, workspace_id: str, conversation_id: str) -> Sequence[ConversationMessage]:
        """Return the messages, oldest first. Raises Unavailable."""

    async def append(
        self, workspace_id: str, conversation_id: str, messages: Sequence[ConversationMessage], *, once: str
    ) -> None:
        """Add messages; a second call with the same `once` adds nothing. Raises PayloadTooLarge, Unavailable."""

    async def conversations(self, workspace_id: str) -> Mapping[str, Sequence[ConversationMessage]]:
        """Return a workspace's conversations by id, most recently changed first. Raises Unavailable."""

    async def delete(self, workspace_id: str, conversation_id: str) -> bool:
        """Delete a conversation; return whether it existed. Raises Unavailable."""


class Files(Protocol):
    """The files of runs."""

    async def get(self, key: FileKey) -> bytes:
        """Return the content. Raises NotFound (also for a file that the run may not read), Unavailable."""
