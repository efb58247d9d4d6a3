"""Announcements of endpoint changes to every process."""

import asyncio
from typing import Final

from deploy_service.metrics import ANNOUNCEMENTS_LOST
from shared.broker.ports import ControlBus
from shared.contracts.messages import LiveVersionChanged
from shared.errors import Unavailable
from shared.observe.logging import get_logger

ANNOUNCE_SECONDS: Final = 2.0
log = get_logger("announcements")


class Announcer:
    """Broadcasts over the broker. A lost announcement is not retried: the leases of caches bound the delay."""

    def __init__(self, control: ControlBus) -> None:
        self._control = control

    async def announce(self, workflow_id: str, revision: int) -> None:
        """Announce the revision, after it is stored."""
        try:
            async with asyncio.timeout(ANNOUNCE_SECONDS):
                await self._control.broadcast(LiveVersionChanged(workflow_id, revision))
        except (Unavailable, TimeoutError) as error:
            ANNOUNCEMENTS_LOST.inc()
            log.warning("endpoint_announcement_failed", workflow_id=workflow_id, revision=revision, error=repr(error))
