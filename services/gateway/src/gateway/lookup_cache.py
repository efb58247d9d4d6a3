"""Bounded cache of leases that expire within a second, or earlier when invalidated."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from gateway.metrics import LOOKUPS
from shared.clock import Clock
from shared.errors import NotFound, Unavailable

V = TypeVar("V")


MAX_ENTRIES: Final = 10_000


TIMEOUT_SECONDS: Final = 5.0
"""Seconds a caller waits for a lookup. A lookup silent for longer may be frozen; the response asks for a retry."""


STALE_TIMEOUT_SECONDS: Final = 1.0
"""The same, when a stale value can be served."""


RESULTS: Final = ("hit", "load", "failure")


@dataclass(frozen=True, slots=True)
class PendingLookup(Generic[V]):
    """Lookup in progress, and its start."""

    task: asyncio.Task[V]
    began: float


@dataclass(frozen=True, slots=True)
class Lease(Generic[V]):
    """Value, and the start of its lookup."""

    value: V
    began: float


class LookupCache(Generic[V]):
    """Cache that loads values with `load`, once for concurrent callers.

    A value is valid for `seconds` from the start of its lookup. After half of that, a background lookup refreshes it,
    so that a slow store delays no caller whose key is in use. `revision` orders values of one key where known: an older
    value never replaces a newer one. While `load` raises Unavailable or does not respond, a value may be served for
    `stale_seconds` more.
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
        """Return the value of `key`. Raises what `load` raises, and Unavailable on a timeout."""
        lease, now = self._leases.get(key), self._clock.monotonic()
        if lease is None or now - lease.began >= self._seconds:
            return await self._result_of(self._look_up(key, now), lease, now)
        self._hits.inc()
        if now - lease.began >= self._seconds / 2:
            self._look_up(key, now)
        self._leases.move_to_end(key)
        return lease.value

    def expect(self, key: str) -> None:
        """Start a lookup of `key` unless cached. Later callers of `get` see its failure."""
        lease, now = self._leases.get(key), self._clock.monotonic()
        if lease is None or now - lease.began >= self._seconds:
            self._look_up(key, now)

    def drop(self, key: str) -> None:
        """Invalidate `key`; a lookup in progress answers its callers but is not cached."""
        self._leases.pop(key, None)
        self._loading.pop(key, None)

    def clear(self) -> None:
        self._leases.clear()
        self._loading.clear()

    def _look_up(self, key: str, now: float) -> PendingLookup[V]:
        loading = self._loading.get(key)
        if loading is None:
            task = asyncio.get_running_loop().create_task(self._refresh(key, now))
            task.add_done_callback(_ignore_failure)
            loading = self._loading[key] = PendingLookup(task, now)
        return loading

    async def _result_of(self, look_up: PendingLookup[V], lease: Lease[V] | None, now: float) -> V:
        """Return the lookup's result for a caller at `now`: late callers wait no longer than the first."""
        stale = lease if lease is not None and self._is_servable(lease, now) else None
        timeout = TIMEOUT_SECONDS if stale is None else STALE_TIMEOUT_SECONDS
        await asyncio.wait({look_up.task}, timeout=max(0.0, look_up.began + timeout - now))
        if look_up.task.done():
            try:
                return look_up.task.result()
            finally:
                del look_up  # the lookup's error would keep this frame and the caller's request alive
        if stale is None:
            raise Unavailable("a lookup did not finish in time")
        return stale.value

    def _is_servable(self, lease: Lease[V], now: float) -> bool:
        return now - lease.began < self._seconds + self._stale_seconds

    async def _refresh(self, key: str, began: float) -> V:
        try:
            value = await self._load(key)
            self._loads.inc()
        except Unavailable:
            self._failures.inc()
            lease = self._leases.get(key)
            if lease is None or not self._is_servable(lease, self._clock.monotonic()):
                raise
            return lease.value
        finally:
            is_current = self._end_current(key)
        known = self._leases.get(key)
        if known is not None and self._is_older(value, known.value):
            return known.value
        if is_current:
            self._store_lease(key, Lease(value, began))
        return value

    def _end_current(self, key: str) -> bool:
        """Remove the current task as the lookup of `key`; return whether it was. Errors hold no frame of this."""
        loading = self._loading.get(key)
        if loading is None or loading.task is not asyncio.current_task():
            return False
        del self._loading[key]
        return True

    def _is_older(self, value: V, known: V) -> bool:
        old, new = self._revision(known), self._revision(value)
        return old is not None and new is not None and new < old

    def _store_lease(self, key: str, lease: Lease[V]) -> None:
        self._leases[key] = lease
        self._leases.move_to_end(key)
        if len(self._leases) > self._max_entries:
            self._leases.popitem(last=False)


def _ignore_failure(task: "asyncio.Task[V]") -> None:
    # The callers may have disconnected; only they needed the failure.
    if not task.cancelled():
        task.exception()


T = TypeVar("T")


async def or_none(found: Awaitable[T]) -> T | None:
    """Return what the call finds, None if it raises NotFound."""
    try:
        return await found
    except NotFound:
        return None
