"""Last use of keys: recorded in memory, written in batches every few seconds."""

import asyncio
from datetime import datetime
from typing import Final

from gateway.access.ports import Keys
from shared.clock import Clock
from shared.errors import Unavailable
from shared.observe.logging import get_logger
from shared.tasks import cancel_task, run_periodically

FLUSH_SECONDS: Final = 15.0
MAX_NOTED: Final = 10_000

log = get_logger("key_usage")


class KeyUsage:
    """Buffer of the newest use of each key."""

    def __init__(self, keys: Keys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock
        self._noted: dict[str, datetime] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the periodic flush."""
        self._task = asyncio.create_task(run_periodically(self.flush, every=FLUSH_SECONDS, name="key_usage"))

    async def stop(self) -> None:
        """Stop, and write the buffered uses."""
        await cancel_task(self._task)
        await self.flush()

    def record_use(self, key_id: str) -> None:
        """Record a use of the key now."""
        if key_id in self._noted or len(self._noted) < MAX_NOTED:
            self._noted[key_id] = self._clock.now()

    async def flush(self) -> None:
        """Write buffered uses. Uses that fail to write are dropped: they are informational."""
        noted, self._noted = self._noted, {}
        if not noted:
            return
        try:
            await self._keys.record_uses(noted)
        except Unavailable as error:
            log.warning("key_uses_not_recorded", keys=len(noted), error=error.message)
