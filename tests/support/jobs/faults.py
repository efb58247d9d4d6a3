"""Parts that fail on demand: before their effect, or after it with the answer lost."""

import random
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, Literal

from shared.broker.ports import Broker, BrokerUnavailable, ControlBus, ReplyStream, WorkQueue
from shared.broker.queue_topology import ASYNC
from shared.contracts.messages import Message
from shared.errors import Unavailable

When = Literal["before", "after"]


def failing(method: Callable[..., Awaitable[Any]], when: When) -> Callable[..., Awaitable[Any]]:
    """Return `method` so that it fails before its effect, or after it."""

    async def call(*args: Any, **kwargs: Any) -> Any:
        if when == "after":
            await method(*args, **kwargs)
        raise Unavailable("the process died")

    return call


class Faulty:
    """Wraps a part; its methods fail as the test plans, or at random."""

    def __init__(self, part: object, *, rate: float = 0.0, seed: int = 0) -> None:
        self._part = part
        self._rate = rate
        self._random = random.Random(seed)
        self._planned: list[tuple[str, When]] = []

    def fail(self, method: str, when: When) -> None:
        """Let the next call of `method` fail."""
        self._planned.append((method, when))

    def heal(self) -> None:
        """Disable all failures."""
        self._rate = 0.0
        self._planned.clear()

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._part, name)

        @wraps(method)
        async def call(*args: Any, **kwargs: Any) -> Any:
            if self._fails(name, "before"):
                raise Unavailable(f"{name} did not happen")
            answer = await method(*args, **kwargs)
            if self._fails(name, "after"):
                raise Unavailable(f"{name} happened, but the answer was lost")
            return answer

        return call

    def _fails(self, name: str, when: When) -> bool:
        if (name, when) in self._planned:
            self._planned.remove((name, when))
            return True
        return self._random.random() < self._rate / 2


class DeafBroker:
    """A broker that accepts no dispatches while it is deaf."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.is_deaf = True

    @property
    def work(self) -> WorkQueue:
        """Return this object, for publishing."""
        return self

    @property
    def replies(self) -> ReplyStream:
        """Return the broker's own."""
        return self._broker.replies

    @property
    def control(self) -> ControlBus:
        """Return the broker's own."""
        return self._broker.control

    async def publish(self, queue: str, message: Message, **options: Any) -> None:
        if self.is_deaf and queue == ASYNC:
            raise BrokerUnavailable("deaf")
        await self._broker.work.publish(queue, message, **options)

    async def consume(self, *args: Any, **options: Any) -> Any:
        return await self._broker.work.consume(*args, **options)

    async def drain(self, *args: Any, **options: Any) -> Any:
        return await self._broker.work.drain(*args, **options)

    async def start(self) -> None:
        await self._broker.start()

    async def stop(self) -> None:
        await self._broker.stop()

    async def ping(self) -> None:
        await self._broker.ping()
