"""The engine shared by all runs, and the context of one run."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from executor_service.engine.handlers import BlockHandler, ChildRunner
from executor_service.engine.limits import Limits
from executor_service.engine.ports import EventSink, Expressions, Journal
from executor_service.engine.request import RunRequest
from executor_service.engine.resolver import Sources
from executor_service.engine.state import RunState, Work
from executor_service.engine.usage import UsageCounter
from shared.clock import Clock, SteadyClock
from shared.workflow.compile.compiler import CompiledWorkflow


@dataclass(frozen=True, slots=True)
class Engine:
    """Shared by all runs of a worker. A block type missing from `handlers` fails when it is reached."""

    handlers: Mapping[str, BlockHandler]
    expressions: Expressions
    clock: Clock
    limits: Limits

    def for_run(self) -> "Engine":
        """Return the engine with a steady clock. A called workflow shares the clock of its caller."""
        if isinstance(self.clock, SteadyClock):
            return self
        return Engine(self.handlers, self.expressions, SteadyClock(self.clock), self.limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """Context of one run."""

    engine: Engine
    workflow: CompiledWorkflow
    request: RunRequest
    environment: Mapping[str, str]
    sink: EventSink
    journal: Journal | None
    before_effect: Callable[[], Awaitable[None]]
    """Awaited before an external effect that must not be repeated. Raises FlowportError to prevent it."""
    sources: Sources
    redact: Callable[[str], str]
    """Mask all environment values in a text."""
    remaining_seconds: Callable[[], float]
    child_runner: Callable[[Work, RunState, UsageCounter, bool], ChildRunner]
    """If the caller recovers its progress, the journal contains the child's blocks; otherwise the child runs again."""
