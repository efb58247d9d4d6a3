"""The engine, which all runs share, and what surrounds one of them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from executor_service.engine.call import ChildRunner
from executor_service.engine.handlers import BlockHandler
from executor_service.engine.limits import Limits
from executor_service.engine.ports import EventSink, Expressions, Journal
from executor_service.engine.request import RunRequest
from executor_service.engine.sources import Sources
from executor_service.engine.state import RunState, Work
from executor_service.engine.usage import Spending
from shared.clock import Clock, SteadyClock
from shared.workflow.compile.compiler import CompiledWorkflow


@dataclass(frozen=True, slots=True)
class Engine:
    """What all runs of a worker share. A block type that `handlers` lacks fails when it is reached."""

    handlers: Mapping[str, BlockHandler]
    expressions: Expressions
    clock: Clock
    limits: Limits

    def for_run(self) -> "Engine":
        """Return the engine with a steady clock. A called workflow shares the clock of its caller."""
        if isinstance(self.clock, SteadyClock):
            return self
        return replace(self, clock=SteadyClock(self.clock))


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """What surrounds one run."""

    engine: Engine
    workflow: CompiledWorkflow
    request: RunRequest
    environment: Mapping[str, str]
    sink: EventSink
    journal: Journal | None
    before_effect: Callable[[], Awaitable[None]]
    """Awaited before anything begins outside that must not begin twice. Raises FlowportError: it must not begin."""
    sources: Sources
    hidden: Callable[[str], str]
    """Text without any value of the environment."""
    remaining_seconds: Callable[[], float]
    child_runner: Callable[[Work, RunState, Spending, bool], ChildRunner]
    """Whoever can be restored halfway has its child's blocks in the journal; others call it anew."""
