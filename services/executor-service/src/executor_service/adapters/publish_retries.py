"""Publishes messages that no run waits for, with several attempts."""

from functools import partial
from typing import Final

from shared.broker.ports import BrokerUnavailable, QueueFull, WorkQueue
from shared.contracts.messages import Message
from shared.retries import RetryPolicy, retry

PAUSE_SECONDS: Final = 0.2
MAX_SECONDS: Final = 20.0
"""Enough for a broker restart. A publish may itself take seconds, if the broker does not confirm it."""


async def publish_with_retries(work: WorkQueue, queue: str, message: Message, *, tries: int) -> bool:
    """Publish a message; return False if all attempts failed, or time is up. Raises PayloadTooLarge."""
    policy = RetryPolicy(delay=(PAUSE_SECONDS, PAUSE_SECONDS), attempts=tries, seconds=MAX_SECONDS)
    try:
        await retry(partial(work.publish, queue, message), policy, on=(QueueFull, BrokerUnavailable))
    except (QueueFull, BrokerUnavailable):
        return False
    return True
