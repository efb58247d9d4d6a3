"""What a service is to the process that runs it: a name, a web application, and parts that start and stop."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class ServiceName(StrEnum):
    """Who talks to whom."""

    GATEWAY = "gateway"
    DEPLOY = "deploy-service"
    EXECUTOR = "executor-service"
    JOBS = "jobs-service"


class Component(Protocol):
    """A part with a life of its own: a broker, a store, a consumer, a background loop."""

    async def start(self) -> None:
        """Be ready for use on return."""
        ...

    async def stop(self) -> None:
        """Let go of everything, in bounded time."""
        ...


Check = Callable[[], Awaitable[None]]
"""Raises when its part cannot do its work right now."""


@dataclass(frozen=True)
class Lifecycle:
    """Starts components in order and stops them in reverse, also when a later one fails to start."""

    components: Sequence[Component] = field(default_factory=tuple)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Everything is up inside the block."""
        async with AsyncExitStack() as stack:
            for component in self.components:
                stack.push_async_callback(component.stop)
                await component.start()
            yield
