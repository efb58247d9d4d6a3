"""Start of a service whose broker or store may be unavailable."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.types import Receive, Scope, Send

from shared.errors import Unavailable
from shared.observe.logging import get_logger
from shared.service import Lifecycle
from shared.tasks import cancel_task

log = get_logger("startup")

RETRY_SECONDS: Final = 1.0

Refuse = Callable[[Request, Unavailable], Response]
"""Renders the error of a call that arrives before the start is complete."""


class Startup:
    """Start of a service's components.

    It fails if a dependency is unavailable. After `wait_for_dependencies` it continues in the background instead: the
    process answers `/healthz`, names the dependency in `/readyz`, and refuses all other calls until it is complete. An
    orchestrator would restart a process that ends, after ever longer delays.
    """

    def __init__(self, lifecycle: Lifecycle, refuse: Refuse) -> None:
        self._lifecycle = lifecycle
        self._refuse = refuse
        self._routes: list[BaseRoute] = []
        self._first_route = 0
        self._gate = Mount("/", app=self._refuse_call)
        self._on_failure: Callable[[], None] | None = None
        self._is_waiting = asyncio.Event()
        self._is_complete = asyncio.Event()
        self._is_stopping = asyncio.Event()
        self.failure = ""
        """Why the service cannot start."""
        self.waits_for = ""
        """Why the start is not complete yet: the error of an unavailable dependency."""

    def guard(self, routes: list[BaseRoute]) -> None:
        """Refuse calls of routes that are added to `routes` from now on, while the start is incomplete."""
        self._routes, self._first_route = routes, len(routes)

    def wait_for_dependencies(self, *, on_failure: Callable[[], None]) -> None:
        """Wait for unavailable dependencies. `on_failure` is called if the start then fails for another reason."""
        self._on_failure = on_failure

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run all components inside the block."""
        async with AsyncExitStack() as stack:
            try:
                if self._on_failure is None:
                    await stack.enter_async_context(self._lifecycle.running())
                else:
                    await stack.enter_async_context(self._running_in_background(self._on_failure))
            except Exception as error:
                self._note_failure(error)
                raise
            yield

    @asynccontextmanager
    async def _running_in_background(self, on_failure: Callable[[], None]) -> AsyncIterator[None]:
        running = asyncio.create_task(self._run(), name="startup")
        reached = [asyncio.create_task(event.wait()) for event in (self._is_waiting, self._is_complete)]
        try:
            await asyncio.wait({running, *reached}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in reached:
                each.cancel()
        if running.done():
            await running  # raises

        def check(task: asyncio.Task[None]) -> None:
            if not task.cancelled() and (error := task.exception()) is not None and not self._is_complete.is_set():
                log.error("startup_failed", exc_info=error)
                self._note_failure(error)
                on_failure()

        running.add_done_callback(check)
        yield
        if self._is_complete.is_set():
            self._is_stopping.set()
            await running
        elif not running.done():
            await cancel_task(running)

    async def _run(self) -> None:
        async with self._lifecycle.running(self._delay):
            if self.waits_for:
                self._routes.remove(self._gate)
                self.waits_for = ""
                log.info("startup_completed")
            self._is_complete.set()
            await self._is_stopping.wait()

    async def _delay(self, error: Unavailable) -> None:
        if not self.waits_for:
            self._routes.insert(self._first_route, self._gate)
        if error.message != self.waits_for:
            log.warning("dependency_unavailable", reason=error.message)
        self.waits_for = error.message
        self._is_waiting.set()
        await asyncio.sleep(RETRY_SECONDS)

    async def _refuse_call(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = Unavailable(f"the service has not started: {self.waits_for}")
        await self._refuse(Request(scope, receive), error)(scope, receive, send)

    def _note_failure(self, error: BaseException) -> None:
        self.failure = str(error) or type(error).__name__
