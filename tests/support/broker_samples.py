"""Sample messages, and consumers that record deliveries."""

import asyncio
from collections.abc import Callable

from shared.broker.ports import DeadLetter, Delivery, Settlement
from shared.contracts.events import Chunk
from shared.contracts.messages import DurableRunDispatched, EventBatch


def dispatched(number: int = 0) -> DurableRunDispatched:
    """Return a small dispatch message that carries a number."""
    return DurableRunDispatched(run_id=f"run-{number}", dispatch_id="dispatch", workspace_id="workspace")


def batch(seq: int = 0, *, run_id: str = "run-0", text: str = "hello") -> EventBatch:
    """Return one event batch of a run."""
    return EventBatch(run_id=run_id, seq=seq, events=(Chunk(block_id="block", text=text),))


class Recorder:
    """A handler that records each delivery and settles it as `decide` returns."""

    def __init__(self, decide: Callable[[Delivery], Settlement] = lambda delivery: Settlement.ACK) -> None:
        self.deliveries: list[Delivery] = []
        self._decide = decide

    async def __call__(self, delivery: Delivery) -> Settlement:
        self.deliveries.append(delivery)
        return self._decide(delivery)

    @property
    def run_ids(self) -> list[str]:
        """Return the ids of the received messages, in order."""
        return [d.message.run_id for d in self.deliveries if isinstance(d.message, DurableRunDispatched)]


class DeadLetterRecorder:
    """A dead-letter handler that records each message."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []

    async def __call__(self, letter: DeadLetter) -> Settlement:
        self.letters.append(letter)
        return Settlement.ACK

    @property
    def reasons(self) -> list[str]:
        """Return the reasons of the dead letters, in order."""
        return [letter.reason for letter in self.letters]


class Holder:
    """A handler that leaves its deliveries unsettled until they are released."""

    def __init__(self) -> None:
        self.held: list[Delivery] = []
        self.cancelled = 0
        self._released = asyncio.Event()

    async def __call__(self, delivery: Delivery) -> Settlement:
        self.held.append(delivery)
        try:
            await self._released.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return Settlement.ACK

    def release(self) -> None:
        """Let every delivery be acked, now and later."""
        self._released.set()
