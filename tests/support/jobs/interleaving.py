"""A store whose commands wait for their turn, so that a test decides how processes interleave."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from shared.store.client import Collection, Store

STEP_SECONDS: Final = 60.0
COMMANDS: Final = frozenset(
    {"aggregate", "bulk_write", "delete_many", "insert_many", "replace_one", "update_many", "update_one"}
)


@dataclass
class Process:
    """One process. It stops before each command to the store until the test lets it continue."""

    store: Store
    _turn: asyncio.Event = field(default_factory=asyncio.Event)
    _waits: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[Any] | None = None

    def run(self, work: Awaitable[Any]) -> None:
        """Start, up to the first command."""
        self._task = asyncio.ensure_future(work)

    @property
    def is_done(self) -> bool:
        """Return whether the work has ended."""
        return self._task is None or self._task.done()

    async def step(self) -> None:
        """Execute one command, and continue up to the next one or to the end."""
        assert self._task is not None
        await self._stopped()
        if not self._task.done():
            self._waits.clear()
            self._turn.set()
            await self._stopped()

    async def finish(self) -> Any:
        """Execute the rest; return the work's result."""
        assert self._task is not None
        while not self._task.done():
            await self.step()
        return await self._task

    async def before_command(self) -> None:
        """Wait for a turn, while there is work to interleave."""
        if self.is_done:
            return
        self._waits.set()
        await self._turn.wait()
        self._turn.clear()

    async def _stopped(self) -> None:
        assert self._task is not None
        waiting = asyncio.ensure_future(self._waits.wait())
        try:
            async with asyncio.timeout(STEP_SECONDS):
                await asyncio.wait({self._task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()

    # Interface of Store.

    @property
    def database(self) -> Any:
        return self.store.database

    def collection(self, name: str) -> Any:
        return _Stopping(self.store.collection(name), self.before_command)


class _Stopping:
    """A collection that waits before each command."""

    def __init__(self, collection: Collection, wait: Callable[[], Awaitable[None]]) -> None:
        self._collection = collection
        self._wait = wait

    def find(self, *args: Any, **options: Any) -> Any:
        return _StoppingCursor(self._collection.find(*args, **options), self._wait)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._collection, name)
        assert name in COMMANDS, f"{name} would not wait"

        async def command(*args: Any, **options: Any) -> Any:
            await self._wait()
            return await method(*args, **options)

        return command


class _StoppingCursor:
    def __init__(self, cursor: Any, wait: Callable[[], Awaitable[None]]) -> None:
        self._cursor = cursor
        self._wait = wait

    async def to_list(self) -> list[Any]:
        await self._wait()
        found: list[Any] = await self._cursor.to_list()
        return found


def unfinished(processes: Iterable[Process]) -> list[Process]:
    """Return the processes that have not ended."""
    return [each for each in processes if not each.is_done]
