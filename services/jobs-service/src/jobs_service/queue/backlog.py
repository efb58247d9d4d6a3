"""Cache of each workspace's oldest waiting runs: one query per run would be slow in long queues."""

import asyncio
from collections import deque
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from jobs_service.queue.capacity import Queue, Reservation, WaitingRun
from shared.broker.ports import BrokerUnavailable, QueueFull, WorkQueue
from shared.broker.queue_topology import ASYNC
from shared.clock import Clock, ms_between
from shared.contracts.messages import DurableRunDispatched
from shared.observe.logging import get_logger

READ_AHEAD: Final = 500
STALE_SECONDS: Final = 30.0
REFILLS_AT_ONCE: Final = 50
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class _Head:
    runs: deque[WaitingRun]
    read_at: float


class Backlog:
    """Cached waiting runs of each workspace, oldest first. May include runs that have since left."""

    def __init__(self, queue: Queue, clock: Clock) -> None:
        self._queue = queue
        self._clock = clock
        self._heads: dict[str, _Head] = {}
        self._blocked_since: dict[str, datetime] = {}

    async def refill(self, waiting: Mapping[str, int]) -> None:
        """Read the queue heads that are missing, empty or old, for workspaces with waiting runs."""
        self._heads = {name: head for name, head in self._heads.items() if name in waiting}
        self._blocked_since = {name: at for name, at in self._blocked_since.items() if name in waiting}
        now = self._clock.monotonic()
        wanted = [name for name in waiting if self._is_stale(name, now)]
        for name in wanted[:REFILLS_AT_ONCE]:
            self._heads[name] = _Head(deque(await self._queue.waiting(name, READ_AHEAD)), now)

    def take(self, workspace_ids: Sequence[str]) -> list[WaitingRun]:
        """Return the next cached run of each of these workspaces; one may be named repeatedly."""
        return [
            self._heads[name].runs.popleft() for name in workspace_ids if name in self._heads and self._heads[name].runs
        ]

    def oldest_seconds(self, now: datetime, at_limit: Container[str]) -> float:
        """Return how long the oldest eligible run has waited.

        Workspaces in `at_limit` have no free slot: their runs wait for their own runs, not for the dispatcher.
        """
        self._blocked_since |= {name: now for name in self._heads if name in at_limit}
        since = [
            max(head.runs[0].created_at or now, self._blocked_since.get(name, _LONG_AGO))
            for name, head in self._heads.items()
            if head.runs and name not in at_limit
        ]
        return max((ms_between(first, now) / 1000 for first in since), default=0.0)

    def clear(self) -> None:
        """Clear the cache."""
        self._heads.clear()
        self._blocked_since.clear()

    def _is_stale(self, name: str, now: float) -> bool:
        head = self._heads.get(name)
        return head is None or not head.runs or now - head.read_at > STALE_SECONDS


MAX_DELAY: Final = timedelta(minutes=10)
_DOUBLINGS: Final = 10


def is_due(dispatched_at: datetime, dispatches: int, now: datetime, delay: timedelta) -> bool:
    """Return whether to redispatch. Each delay doubles, so that busy workers do not drown in copies.

    A dispatch in the future is due as well: the store's clock was set back since, so its age is unknown.
    """
    is_ahead = dispatched_at - now > delay
    return is_ahead or dispatched_at + _delay_after(dispatches, delay) <= now


def first_dispatch(dispatched_at: datetime, dispatches: int, delay: timedelta) -> datetime:
    """Return when the first of `dispatches` was at the latest, from the last one and the delays between them.

    The store has only the time of the last dispatch.
    """
    delays = (_delay_after(number, delay) for number in range(1, min(dispatches, _DOUBLINGS + 1)))
    longest = _delay_after(_DOUBLINGS + 1, delay) * max(0, dispatches - _DOUBLINGS - 1)
    return dispatched_at - sum(delays, longest)


def _delay_after(dispatches: int, delay: timedelta) -> timedelta:
    doubled: timedelta = delay * (1 << min(max(dispatches - 1, 0), _DOUBLINGS))
    return min(doubled, max(MAX_DELAY, delay))


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


EXPIRY_SECONDS: Final = 8.0
"""Far longer than an insert takes. With the time to replace a dead leader (5 s), a leak is repaired within 15 s."""


class ReservationWatch:
    """Detects reservations open for too long: their process is frozen or dead.

    No wall clock is compared, so a clock step neither expires nor prolongs a reservation. See ADR 35.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen_since: dict[str, float] = {}

    def expired(self, reservations: Iterable[Reservation]) -> list[Reservation]:
        """Return the open reservations first seen that long ago."""
        now, known = self._clock.monotonic(), list(reservations)
        self._seen_since = {each.id: self._seen_since.get(each.id, now) for each in known}
        return [each for each in known if now - self._seen_since[each.id] >= EXPIRY_SECONDS]

    def clear(self) -> None:
        """Forget all reservations and restart their ages."""
        self._seen_since.clear()
