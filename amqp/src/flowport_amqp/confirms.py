"""Publishes that the broker has not answered yet."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from flowport_amqp.errors import AmqpError, ConfirmTimeout, ProtocolError, Refused, Returned

OnSettled = Callable[[AmqpError | None], None]
"""Called once with None when the broker has the message, or with the reason why not. Must neither block nor raise."""


@dataclass(slots=True)
class _Awaited:
    on_settled: OnSettled
    deadline: float
    returned: bool = False


class Confirms:
    """The unanswered publishes of one channel, oldest first, each with the same time limit."""

    def __init__(self, *, timeout: float) -> None:
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._awaited: OrderedDict[int, _Awaited] = OrderedDict()
        self._last_tag = 0
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._awaited)

    def expect(self, on_settled: OnSettled) -> int:
        """Number the next publish; the broker's answer will name it by that."""
        self._last_tag += 1
        deadline = self._loop.time() + self._timeout
        self._awaited[self._last_tag] = _Awaited(on_settled, deadline)
        if self._timer is None:
            self._timer = self._loop.call_at(deadline, self._expire)
        return self._last_tag

    def returned(self, tag: int) -> None:
        """The message came back as unroutable; its confirm is still to come."""
        if awaited := self._awaited.get(tag):
            awaited.returned = True

    def confirmed(self, tag: int, *, multiple: bool, taken: bool) -> None:
        """The broker answered one publish, or all up to it. Raises ProtocolError for one that was never made."""
        if tag > self._last_tag:
            raise ProtocolError(f"a confirm for publish {tag}, but the last was {self._last_tag}")
        if not multiple:
            self._settle(tag, taken)
            return
        while self._awaited and (oldest := next(iter(self._awaited))) <= tag:
            self._settle(oldest, taken)

    def fail(self, error: AmqpError) -> None:
        """Nothing more will be answered."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        unanswered, self._awaited = self._awaited, OrderedDict()
        for awaited in unanswered.values():
            awaited.on_settled(error)

    def _settle(self, tag: int, taken: bool) -> None:
        awaited = self._awaited.pop(tag, None)
        if awaited is None:
            return
        if awaited.returned:
            awaited.on_settled(Returned("no queue for this message"))
        else:
            awaited.on_settled(None if taken else Refused("the broker refused the message"))

    def _expire(self) -> None:
        self._timer = None
        now = self._loop.time()
        while self._awaited:
            oldest = next(iter(self._awaited))
            if self._awaited[oldest].deadline > now:
                self._timer = self._loop.call_at(self._awaited[oldest].deadline, self._expire)
                return
            self._awaited.pop(oldest).on_settled(ConfirmTimeout(f"no confirm within {self._timeout:g} s"))
