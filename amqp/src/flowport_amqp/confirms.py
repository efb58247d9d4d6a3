"""Publisher confirms."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from flowport_amqp.errors import AmqpError, ConfirmTimeout, ProtocolError, PublishRefused, PublishReturned

OnSettled = Callable[[AmqpError | None], None]
"""Called once, with None when the broker accepted the message, else with the error. Must neither block nor raise."""


@dataclass(slots=True)
class _Pending:
    on_settled: OnSettled
    deadline: float
    returned: bool = False


class Confirms:
    """Unconfirmed publishes of one channel, oldest first, with one timeout for each."""

    def __init__(self, *, timeout: float) -> None:
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._pending: OrderedDict[int, _Pending] = OrderedDict()
        self._last_tag = 0
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._pending)

    def expect(self, on_settled: OnSettled) -> int:
        """Register the next publish and return its delivery tag."""
        self._last_tag += 1
        deadline = self._loop.time() + self._timeout
        self._pending[self._last_tag] = _Pending(on_settled, deadline)
        if self._timer is None:
            self._timer = self._loop.call_at(deadline, self._expire)
        return self._last_tag

    def on_return(self, tag: int) -> None:
        """Record that a message was unroutable. Its confirm follows."""
        if pending := self._pending.get(tag):
            pending.returned = True

    def on_confirm(self, tag: int, *, multiple: bool, accepted: bool) -> None:
        """Settle one publish, or all up to it. Raises ProtocolError for an unknown one."""
        if tag > self._last_tag:
            raise ProtocolError(f"confirm for publish {tag}, but the last one is {self._last_tag}")
        if not multiple:
            self._settle(tag, accepted)
            return
        while self._pending and (oldest := next(iter(self._pending))) <= tag:
            self._settle(oldest, accepted)

    def fail(self, error: AmqpError) -> None:
        """Fail all pending publishes."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        unconfirmed, self._pending = self._pending, OrderedDict()
        for pending in unconfirmed.values():
            pending.on_settled(error)

    def _settle(self, tag: int, accepted: bool) -> None:
        pending = self._pending.pop(tag, None)
        if pending is None:
            return
        if pending.returned:
            pending.on_settled(PublishReturned("no queue for this message"))
        else:
            pending.on_settled(None if accepted else PublishRefused("the broker refused the message"))

    def _expire(self) -> None:
        self._timer = None
        now = self._loop.time()
        while self._pending:
            oldest = next(iter(self._pending))
            if self._pending[oldest].deadline > now:
                self._timer = self._loop.call_at(self._pending[oldest].deadline, self._expire)
                return
            self._pending.pop(oldest).on_settled(ConfirmTimeout(f"no confirm within {self._timeout:g} s"))
