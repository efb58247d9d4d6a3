"""Publishes messages that no run waits for, with several attempts."""

from functools import partial
from typing import Final

from shared.broker.ports import BrokerUnavailable, QueueFull, WorkQueue
from shared.contracts.messages import Message
from shared.retries import RetryPolicy, retry

PAUSE_SECONDS: Final = 0.2


async def publish_with_retries(work: WorkQueue, queue: str, message: Message, *, tries: int) -> bool:
    """Publish a message; return False if all attempts failed. Raises PayloadTooLarge."""
    policy = RetryPolicy(delay=(PAUSE_SECONDS, PAUSE_SECONDS), attempts=tries)
    try:
        await retry(partial(work.publish, queue, message), policy, on=(QueueFull, BrokerUnavailable))
    except (QueueFull, BrokerUnavailable):
        return False
    return True
