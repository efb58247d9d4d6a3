"""Messages to send, and consumers that remember."""

import asyncio
from collections.abc import Callable

from shared.broker.ports import DeadLetter, Delivery, Settlement
from shared.contracts.events import Chunk
from shared.contracts.messages import DurableRunDispatched, EventBatch


def dispatched(number: int = 0) -> DurableRunDispatched:
    """A small message with a number in it."""
    return DurableRunDispatched(run_id=f"run-{number}", dispatch_id="dispatch", workspace_id="workspace")


def batch(seq: int = 0, *, run_id: str = "run-0", text: str = "hello") -> EventBatch:
    """One batch of a run."""
    return EventBatch(run_id=run_id, seq=seq, events=(Chunk(block_id="block", text=text),))


class Recorder:
    """A handler that remembers each delivery and settles it as `decide` says."""

    def __init__(self, decide: Callable[[Delivery], Settlement] = lambda delivery: Settlement.ACK) -> None:
        self.deliveries: list[Delivery] = []
        self._decide = decide

    async def __call__(self, delivery: Delivery) -> Settlement:
        self.deliveries.append(delivery)
        return self._decide(delivery)

    @property
    def run_ids(self) -> list[str]:
        """Which messages came, in order."""
        return [d.message.run_id for d in self.deliveries if isinstance(d.message, DurableRunDispatched)]


class Undertaker:
    """A handler of dead letters that remembers each."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []

    async def __call__(self, letter: DeadLetter) -> Settlement:
        self.letters.append(letter)
        return Settlement.ACK

    @property
    def reasons(self) -> list[str]:
        """Why they died, in order."""
        return [letter.reason for letter in self.letters]


class Holder:
    """A handler that keeps its deliveries in hand until they are released."""

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
        """Let every delivery be acked, now and from now on."""
        self._released.set()
