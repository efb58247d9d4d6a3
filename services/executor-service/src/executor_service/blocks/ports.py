"""What the blocks need from outside, beside what the engine gives them."""

from typing import Protocol

from executor_service.providers import Listener, ModelRequest, Turn
from executor_service.sandbox import Conditions, Script, ScriptResult, Verdict


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
