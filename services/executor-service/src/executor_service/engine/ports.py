"""Ports of the engine."""

from typing import Protocol

import msgspec

from executor_service.engine.request import RunRequest
from executor_service.engine.resolver import Resolver
from shared.contracts.events import RunEvent
from shared.workflow.compile.code_references import CodeTemplate


class EventSink(Protocol):
    """Receiver of a run's events, in order."""

    async def emit(self, event: RunEvent) -> None:
        """Add an event; return when there is room for the next."""


class Journal(Protocol):
    """Stores the progress of a durable run, so that nothing is repeated."""

    async def record(self, kind: str, data: msgspec.Raw) -> None:
        """Add an entry, in order; it may be stored a little later, together with others.

        Raises StaleAttempt if another worker holds the run.
        """

    async def flush(self) -> None:
        """Return once everything recorded so far is stored. Raises StaleAttempt, Unavailable."""


class Expressions(Protocol):
    """Evaluates a loop's condition."""

    async def holds(self, condition: CodeTemplate, resolver: Resolver, request: RunRequest) -> bool:
        """Return whether the expression is true. Raises BadCondition; FlowportError if it cannot be evaluated."""
