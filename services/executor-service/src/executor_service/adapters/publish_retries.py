"""Publishes messages that no run waits for, with several attempts."""

import asyncio
from typing import Final

from shared.broker.ports import BrokerUnavailable, QueueFull, WorkQueue
from shared.contracts.messages import Message

PAUSE_SECONDS: Final = 0.2


async def publish_with_retries(work: WorkQueue, queue: str, message: Message, *, tries: int) -> bool:
    """Publish a message; return False if all attempts failed. Raises PayloadTooLarge."""
    for _ in range(tries):
        try:
            await work.publish(queue, message)
        except (QueueFull, BrokerUnavailable):
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            return True
    return False
