"""What the engine needs from outside."""

from typing import Protocol

import msgspec

from executor_service.engine.request import RunRequest
from executor_service.engine.sources import Resolver
from shared.contracts.events import RunEvent
from shared.workflow.compile.code_references import CodeTemplate


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

    async def holds(self, condition: CodeTemplate, resolver: Resolver, request: RunRequest) -> bool:
        """Whether the expression is true. Raises BadCondition; FlowportError where nobody evaluates it."""
        ...

    def forget(self, scope: str) -> None:
        """Let go of what is kept for this run (its `sandbox_scope`): it has ended."""
        ...
