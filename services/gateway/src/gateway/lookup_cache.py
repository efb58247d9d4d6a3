"""A bounded cache whose entries are leases: good for at most a second, and dropped earlier when told."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from gateway.metrics import LOOKUPS
from shared.clock import Clock
from shared.errors import Unavailable

V = TypeVar("V")

MAX_ENTRIES: Final = 10_000
PATIENCE_SECONDS: Final = 5.0
"""How long a caller waits for a look-up. What is silent for longer may be frozen, and he is told to come back."""
STALE_PATIENCE_SECONDS: Final = 1.0
"""The same, where there is a value that may be served."""
RESULTS: Final = ("hit", "load", "failure")


@dataclass(frozen=True, slots=True)
class PendingLookup(Generic[V]):
    """One that is under way, and when it began."""

    task: asyncio.Task[V]
    began: float


@dataclass(frozen=True, slots=True)
class Lease(Generic[V]):
    """A value, and when the look-up that found it began."""

    value: V
    began: float


class LookupCache(Generic[V]):
    """Looks values up through `load`, once for all who ask at the same time.

    A value is used for `seconds`, counted from the start of its look-up. From half of that on it is looked up again
    beside the request that asks, so that a slow store slows nobody down whose key is in use. `revision` orders values
    of one key where it is known: an older one never replaces a newer one. While `load` raises Unavailable, or is
    silent, a value may be served for `stale_seconds` more.
    """

    def __init__(
        self,
        load: Callable[[str], Awaitable[V]],
        clock: Clock,
        *,
        seconds: float,
        what: str = "values",
        stale_seconds: float = 0.0,
        revision: Callable[[V], int | None] = lambda value: None,
        max_entries: int = MAX_ENTRIES,
    ) -> None:
        self._load = load
        self._clock = clock
        self._seconds = seconds
        self._hits, self._loads, self._failures = (LOOKUPS.labels(what, result) for result in RESULTS)
        self._stale_seconds = stale_seconds
        self._revision = revision
        self._max_entries = max_entries
        self._leases: OrderedDict[str, Lease[V]] = OrderedDict()
        self._loading: dict[str, PendingLookup[V]] = {}

    async def get(self, key: str) -> V:
        """The value of `key`. Raises what `load` raises, and Unavailable where that takes long."""
        lease, now = self._leases.get(key), self._clock.monotonic()
        if lease is None or now - lease.began >= self._seconds:
            return await self._found(self._look_up(key, now), lease, now)
        self._hits.inc()
        if now - lease.began >= self._seconds / 2:
            self._look_up(key, now)
        self._leases.move_to_end(key)
        return lease.value

    def expect(self, key: str) -> None:
        """Begin to look `key` up, unless it is known. That it fails is told to whoever gets it."""
        lease, now = self._leases.get(key), self._clock.monotonic()
        if lease is None or now - lease.began >= self._seconds:
            self._look_up(key, now)

    def drop(self, key: str) -> None:
        """Forget `key`; a look-up that is under way is answered, but not kept."""
        self._leases.pop(key, None)
        self._loading.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        self._leases.clear()
        self._loading.clear()

    def _look_up(self, key: str, now: float) -> PendingLookup[V]:
        loading = self._loading.get(key)
        if loading is None:
            task = asyncio.get_running_loop().create_task(self._refresh(key, now))
            task.add_done_callback(_retrieve)
            loading = self._loading[key] = PendingLookup(task, now)
        return loading

    async def _found(self, look_up: PendingLookup[V], lease: Lease[V] | None, now: float) -> V:
        """What a look-up finds, for whoever asks at `now`: those who come late wait no longer than the first."""
        kept = lease if lease is not None and self._may_be_served(lease, now) else None
        patience = PATIENCE_SECONDS if kept is None else STALE_PATIENCE_SECONDS
        await asyncio.wait({look_up.task}, timeout=max(0.0, look_up.began + patience - now))
        if look_up.task.done():
            try:
                return look_up.task.result()
            finally:
                del look_up  # an error that it ended by holds this frame, and the caller's request with it
        if kept is None:
            raise Unavailable("A part that is asked does not answer")
        return kept.value

    def _may_be_served(self, lease: Lease[V], now: float) -> bool:
        return now - lease.began < self._seconds + self._stale_seconds

    async def _refresh(self, key: str, began: float) -> V:
        try:
            value = await self._load(key)
            self._loads.inc()
        except Unavailable:
            self._failures.inc()
            lease = self._leases.get(key)
            if lease is None or not self._may_be_served(lease, self._clock.monotonic()):
                raise
            return lease.value
        finally:
            is_current = self._end_current(key)
        known = self._leases.get(key)
        if known is not None and self._is_older(value, known.value):
            return known.value
        if is_current:
            self._keep(key, Lease(value, began))
        return value

    def _end_current(self, key: str) -> bool:
        """Whether the task that asks is the look-up of `key`, which it is no more. Errors hold no frame of this."""
        loading = self._loading.get(key)
        if loading is None or loading.task is not asyncio.current_task():
            return False
        del self._loading[key]
        return True

    def _is_older(self, value: V, known: V) -> bool:
        old, new = self._revision(known), self._revision(value)
        return old is not None and new is not None and new < old

    def _keep(self, key: str, lease: Lease[V]) -> None:
        self._leases[key] = lease
        self._leases.move_to_end(key)
        if len(self._leases) > self._max_entries:
            self._leases.popitem(last=False)


def _retrieve(task: "asyncio.Task[V]") -> None:
    # Whoever asked may be gone; the failure was theirs alone.
    if not task.cancelled():
        task.exception()
