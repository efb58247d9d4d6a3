"""Interface between a service and its process: a name, a web application, and components."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from shared.errors import Unavailable


class ServiceName(StrEnum):
    """Names of the services."""

    GATEWAY = "gateway"
    DEPLOY = "deploy-service"
    EXECUTOR = "executor-service"
    JOBS = "jobs-service"


class Component(Protocol):
    """A component with a lifecycle: a broker, a store, a consumer, a background loop."""

    async def start(self) -> None:
        """Start; be ready for use on return.

        If it raises Unavailable, it holds nothing open and may be called again.
        """

    async def stop(self) -> None:
        """Release all resources in bounded time."""


Check = Callable[[], Awaitable[None]]
"""Raises while its component is not ready."""
Delay = Callable[[Unavailable], Awaitable[None]]
"""Returns when a component whose dependency was unavailable is to be started again, or raises."""


async def _give_up(error: Unavailable) -> None:
    raise error


@dataclass(frozen=True)
class Lifecycle:
    """Starts components in order and stops them in reverse, even if a later one fails to start."""

    components: Sequence[Component] = field(default_factory=tuple)

    @asynccontextmanager
    async def running(self, delay: Delay = _give_up) -> AsyncIterator[None]:
        """Run all components inside the block. `delay` decides about those whose dependency is unavailable."""
        async with AsyncExitStack() as stack:
            for component in self.components:
                stack.push_async_callback(component.stop)
                await _start(component, delay)
            yield


async def _start(component: Component, delay: Delay) -> None:
    while True:
        try:
            return await component.start()
        except Unavailable as error:
            await delay(error)
