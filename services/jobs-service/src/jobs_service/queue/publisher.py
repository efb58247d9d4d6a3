"""Publishes marked runs to the workers' queue."""

import asyncio
from collections.abc import Iterable

from shared.broker.ports import BrokerUnavailable, QueueFull, WorkQueue
from shared.broker.queue_topology import ASYNC
from shared.contracts.messages import DurableRunDispatched
from shared.observe.logging import get_logger

log = get_logger("dispatcher")


class DispatchPublisher:
    """Publisher of runs. Keeps messages that the broker does not accept for the next time."""

    def __init__(self, work: WorkQueue) -> None:
        self._work = work
        self._unsent: dict[str, DurableRunDispatched] = {}
        self._waits_for_broker = False

    @property
    def is_done(self) -> bool:
        """Return whether nothing is left to publish."""
        return not self._unsent

    def add(self, messages: Iterable[DurableRunDispatched]) -> None:
        """Add messages."""
        self._unsent |= {message.run_id: message for message in messages}

    def clear(self) -> None:
        """Discard all messages."""
        self._unsent.clear()

    async def publish(self) -> None:
        """Publish the messages that the broker accepts now."""
        messages = list(self._unsent.values())
        if not messages:
            return
        results = await asyncio.gather(
            *(self._work.publish(ASYNC, message) for message in messages), return_exceptions=True
        )
        failed = 0
        for message, failure in zip(messages, results, strict=True):
            if failure is None:
                del self._unsent[message.run_id]
            elif isinstance(failure, QueueFull | BrokerUnavailable):
                failed += 1
            else:
                raise failure
        if failed and not self._waits_for_broker:
            log.warning("runs_waiting_for_broker", count=failed)
        elif self._waits_for_broker and not failed:
            log.info("broker_accepts_runs")
        self._waits_for_broker = bool(failed)
