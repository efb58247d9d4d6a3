"""What the engine needs from outside."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from executor_service.engine.state import NO_USAGE, ChildSpans, Output, Pause
from shared.contracts.events import RunEvent
from shared.contracts.runs import Usage
from shared.workflow.code_references import CodeTemplate
from shared.workflow.jsvalues import JsonObject

if TYPE_CHECKING:
    from executor_service.engine.call import Call
    from executor_service.engine.sources import Resolver


class EventSink(Protocol):
    """Where the events of a run go, in order."""

    async def emit(self, event: RunEvent) -> None:
        """Take one event; returns when there is room for the next."""
        ...


class Journal(Protocol):
    """Keeps what happened in a durable run, so that it never happens again."""

    async def record(self, kind: str, data: msgspec.Raw) -> None:
        """Take one entry, in order; it may be stored a little later, together with others.

        Raises StaleAttempt when another worker holds the run.
        """
        ...

    async def flush(self) -> None:
        """Return once everything recorded so far is stored. Raises StaleAttempt, Unavailable."""
        ...


class Expressions(Protocol):
    """Evaluates a loop's condition."""

    async def holds(self, condition: CodeTemplate, resolver: "Resolver", scope: str) -> bool:
        """Whether the expression is true. An error in it counts as false."""
        ...

    def forget(self, scope: str) -> None:
        """Let go of what is kept for this run: it has ended."""
        ...


@dataclass(frozen=True, slots=True)
class Inputs:
    """A block's parameters with all references filled in. `shown` gives what logs show, where that differs."""

    params: JsonObject
    shown: Callable[[], JsonObject] | None = None
    extra: Any = None
    """The handler's own, carried from `prepare` to `run`."""


@dataclass(frozen=True, slots=True)
class PauseRequest:
    """A block that waits: for a person (`human`) or for a moment (`time`, `resume_at` in ISO-8601)."""

    kind: str
    response: Output
    resume_at: str | None = None


@dataclass(frozen=True, slots=True)
class BlockResult:
    """What a block did. `assignments` sets variables, by id; `child_spans` are a child workflow's trace."""

    output: Output
    assignments: JsonObject = field(default_factory=dict)
    usage: Usage = NO_USAGE
    pause: PauseRequest | None = None
    child_spans: ChildSpans = ()


class BlockHandler:
    """How one block type runs. Handlers are shared by all runs and keep nothing of any."""

    def prepare(self, call: "Call") -> Inputs:
        """Fill in the parameters. Raises BadReference. Never retried."""
        return Inputs({key: call.resolver.render(template) for key, template in call.block.params.items()})

    async def run(self, call: "Call", inputs: Inputs) -> BlockResult:
        """Do the block's work. Raises BlockFailure."""
        raise NotImplementedError

    def resume(self, pause: Pause, answer: JsonObject, at: datetime) -> Output:
        """What a paused block gives once `answer` has come."""
        return {**pause.output, **answer}

    @property
    def recovers(self) -> bool:
        """Whether the block itself knows what it has done already, after a crash."""
        return False
