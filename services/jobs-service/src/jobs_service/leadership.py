"""Leader election, and loops that a leader or every process runs."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from pymongo.errors import DuplicateKeyError

from jobs_service import metrics
from shared.clock import Clock
from shared.errors import FlowportError
from shared.observe.logging import get_logger
from shared.store.client import Document, Store, store_call
from shared.store.server_time import NOW_MS, server_time_after


@dataclass(frozen=True, slots=True)
class Leadership:
    """Name of a lease and its holder."""

    name: str
    holder: str


class LeaseRepository(Protocol):
    """At most one holder per name."""

    async def hold(self, leadership: Leadership, ttl: timedelta) -> int | None:
        """Take or renew the lease for `ttl`; return the holder's term.

        It increases with every change, also after the holder's own silence. None: another process holds it.
        """

    async def release(self, leadership: Leadership) -> None:
        """Release the lease, so that another process can hold it."""


LEASES: Final = "leases"

_FREE: Final[Document] = {"holder": "", "until_ms": 0}


@dataclass(frozen=True, slots=True)
class _ObservedLease:
    """Another holder's lease, and since when it was not renewed, by the monotonic clock."""

    lease: Document
    since: float


class MongoLeases:
    """Implements LeaseRepository.

    A lease expires when the store's clock has passed its end, or when this process has watched for the lease's duration
    without a renewal. So leadership does not stay vacant when the store's clock is set back.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._leases = store.collection(LEASES)
        self._clock = clock
        self._observed: dict[str, _ObservedLease] = {}

    @store_call
    async def hold(self, leadership: Leadership, ttl: timedelta) -> int | None:
        holder = {"$literal": leadership.holder}
        is_over = {"$lte": ["$until_ms", NOW_MS]}
        free = [{"holder": leadership.holder}, {"$expr": is_over}, *self._unrenewed(leadership, ttl)]
        free_or_own = {"_id": leadership.name, "$or": free}
        continues = {"$and": [{"$eq": ["$holder", holder]}, {"$not": [is_over]}]}
        next_term = {"$add": [{"$ifNull": ["$term", 0]}, 1]}
        renewal = {
            "term": {"$cond": [continues, "$term", next_term]},
            "holder": holder,
            "until_ms": server_time_after(ttl),
        }
        taken = await self._leases.update_one(free_or_own, [{"$set": renewal}])
        if taken.matched_count == 0 and await self._create(leadership.name):
            await self._leases.update_one(free_or_own, [{"$set": renewal}])
        held = await self._leases.find_one({"_id": leadership.name})
        if held is None:
            return None
        if held["holder"] != leadership.holder:
            self._observe(leadership, held)
            return None
        self._observed.pop(leadership.name, None)
        term: int = held["term"]
        return term

    @store_call
    async def release(self, leadership: Leadership) -> None:
        own = {"_id": leadership.name, "holder": leadership.holder}
        await self._leases.update_one(own, {"$set": _FREE})

    def _unrenewed(self, leadership: Leadership, ttl: timedelta) -> list[Document]:
        """Return the lease whose holder was silent for `ttl`, as a condition that a renewal no longer meets."""
        seen = self._observed.get(leadership.name)
        if seen is None or self._clock.monotonic() - seen.since < ttl.total_seconds():
            return []
        return [seen.lease]

    def _observe(self, leadership: Leadership, held: Document) -> None:
        """Watch another holder's lease, from now on where it has changed."""
        lease = {name: held.get(name) for name in ("holder", "term", "until_ms")}
        seen = self._observed.get(leadership.name)
        if seen is None or seen.lease != lease:
            self._observed[leadership.name] = _ObservedLease(lease, self._clock.monotonic())

    async def _create(self, name: str) -> bool:
        """Create the lease if missing, open to any holder. (MongoDB takes no `$expr` in an upsert.)"""
        try:
            await self._leases.insert_one({"_id": name, **_FREE})
        except DuplicateKeyError:
            return False
        return True


class Leader:
    """Leadership of this process in one role."""

    def __init__(self, leases: LeaseRepository, leadership: Leadership, ttl: timedelta, clock: Clock) -> None:
        self._leadership = leadership
        self._leases = leases
        self._ttl = ttl
        self._clock = clock
        self._confirmed_at = 0.0
        self._term: int | None = None

    async def term(self) -> int | None:
        """Return this process's term, None while another leads. Polls the store at intervals.

        Raises Unavailable; without the store, leadership is unknown, and the term may later prove unchanged.
        """
        now = self._clock.monotonic()
        if self._term is None or now - self._confirmed_at > self._ttl.total_seconds() / 3:
            leading = metrics.LEADING.labels(self._leadership.name)
            try:
                self._term = await self._leases.hold(self._leadership, self._ttl)
            except BaseException:  # a step that takes too long is cancelled
                leading.set(0)
                raise
            self._confirmed_at = now
            leading.set(self._term is not None)
        return self._term

    async def resign(self) -> None:
        """Release the lease, so that another process can lead."""
        if self._term is not None:
            self._term = None
            metrics.LEADING.labels(self._leadership.name).set(0)
            await self._leases.release(self._leadership)


log = get_logger("loops")

STOP_SECONDS: Final = 5.0
CANCEL_SECONDS: Final = 1.0
STEP_SECONDS: Final = 60.0
FAILURE_SECONDS: Final = 1.0
MAX_REST_SECONDS: Final = 1.0
LATER_SECONDS: Final = 0.1


class WakeUpEvent:
    """Wakes one loop."""

    def __init__(self) -> None:
        self.has_capacity = True
        """Whether the loop has room for new work; its step sets this."""
        self._event = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    def wake(self) -> None:
        """Wake the loop."""
        self._event.set()

    def wake_for_new_work(self) -> None:
        """Wake the loop for new work: now if it has capacity, otherwise shortly, when it may have some."""
        if self.has_capacity:
            self.wake()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LATER_SECONDS, self._wake_later)

    async def wait(self, seconds: float) -> None:
        """Wait for a wake-up event, at most `seconds`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()
        self._event.clear()

    def _wake_later(self) -> None:
        self._timer = None
        self.wake()


class Loop:
    """Repeats `step` until stopped. A failed step is logged and retried a second later.

    `gap` is the least time between two steps, so that frequent events do not overload the store; after a step that took
    longer, it equals that step's duration, up to a second.
    """

    def __init__(
        self,
        name: str,
        step: Callable[[], Awaitable[None]],
        *,
        every: float,
        wake_up: WakeUpEvent | None = None,
        gap: float = 0.0,
        on_stop: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._name = name
        self._step = step
        self._every = every
        self._gap = gap
        self._wake_up = wake_up or WakeUpEvent()
        self._on_stop = on_stop
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the loop."""
        self._task = asyncio.create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        """Let the current step end, in bounded time."""
        if self._task is None:
            return
        self._stopping.set()
        self._wake_up.wake()
        _, unfinished = await asyncio.wait({self._task}, timeout=STOP_SECONDS)
        if unfinished:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=CANCEL_SECONDS)
        if self._on_stop is not None:
            await self._run_logged(self._on_stop, STOP_SECONDS)

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        while not self._stopping.is_set():
            began = clock()
            succeeded = await self._run_logged(self._step, STEP_SECONDS)
            rest = min(max(self._gap, clock() - began), MAX_REST_SECONDS) if self._gap else 0.0
            await self._pause(rest if succeeded else FAILURE_SECONDS)
            await self._wake_up.wait(self._every)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    async def _run_logged(self, work: Callable[[], Awaitable[None]], seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await work()
        except FlowportError as error:
            log.warning("loop_step_failed", loop=self._name, reason=str(error))
            return False
        except Exception:
            log.exception("loop_step_failed", loop=self._name)
            return False
        return True
