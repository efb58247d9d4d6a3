"""Lists that grow with what happens, read a stretch at a time.

By the indexes that these lists have, MongoDB reads a page and no more: there one query finds it. SecantusDB first reads
everything that the prefix of an index matches, 30 microseconds for each document, whatever the limit: a page of 100,000
runs would take seconds. So a query asks for a stretch of the list. The first is short, and one is longer the sooner the
one before it was answered. A list that is narrowed by what no index finds is read that way on MongoDB, too: it may have
to read very many documents for a page.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from shared.store.client import Store
from shared.store.documents import Collection, Document
from shared.store.places import Place
from shared.store.positions import PER_MS

QUICK_SECONDS: Final = 0.05
SLOW_SECONDS: Final = 0.5
PATIENCE_SECONDS: Final = 2.0
"""For how long a reader waits for a full page, what looks take at the least not counted: there are a hundred at most.
Where few of very many are wanted, it gets a short one, and reads on."""


def _positions(time_: timedelta) -> int:
    return time_ // timedelta(milliseconds=1) * PER_MS


SHORTEST: Final = _positions(timedelta(seconds=1))
LONGEST: Final = _positions(timedelta(days=180))
"""When stretches have grown so far, the rest of the list is one."""
DAY: Final = _positions(timedelta(days=1))
BEGINNING: Final = _positions(timedelta(days=100))
"""How far back a list is looked for whose oldest are wanted: a little more than runs are kept by default. What is older
yet is in the first stretch."""

Look = Callable[[Document, int], Awaitable[Sequence[Document]]]
"""Documents whose position is within bounds, in the order of the list, so many at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What is asked for of a list. `lowest` and `highest` are positions that belong to it."""

    limit: int
    lowest: int | None = None
    highest: int | None = None
    behind: Place | None = None
    oldest_first: bool = False

    @property
    def order(self) -> dict[str, int]:
        """As a query sorts by it."""
        direction = 1 if self.oldest_first else -1
        return {"position": direction, "_id": direction}

    @property
    def near(self) -> int | None:
        """Where reading begins."""
        bound = self.lowest if self.oldest_first else self.highest
        edges = [edge for edge in (bound, self.behind and self.behind.at) if edge is not None]
        return (max if self.oldest_first else min)(edges, default=None)

    @property
    def far(self) -> int | None:
        """Where the list ends."""
        return self.highest if self.oldest_first else self.lowest

    def within(self, near: int | None, far: int | None) -> Document:
        """The bounds of a stretch; {} where it has none.

        No `$lte`: where an index goes on behind the position, SecantusDB finds nothing that stands at the bound itself.
        To MongoDB both are the same, since positions are integers.
        """
        lowest, highest = (near, far) if self.oldest_first else (far, near)
        bounds = {"$gte": lowest, "$lt": None if highest is None else highest + 1}
        return {sign: position for sign, position in bounds.items() if position is not None}

    def end_of(self, start: int, length: int, newest: int) -> int | None:
        """The last position of a stretch: that of the list, None if it has none, where not much can be behind it."""
        end = start + length - 1 if self.oldest_first else start - length + 1
        if length > LONGEST or (end >= newest if self.oldest_first else end <= 0):
            return self.far
        if self.far is None:
            return end
        return (min if self.oldest_first else max)(end, self.far)


Listed = tuple[list[Document], Place | None]
"""Documents, and the place behind them where the list goes on, if it does."""


async def read(look: Look, page: Page, *, newest: int, clock: Callable[[], float] = time.monotonic) -> Listed:
    """A page of a list whose `newest` documents stand about there; those beyond it belong to the first stretch.

    A page can be shorter than its limit, and even empty, before the list ends.
    """
    found: list[Document] = []
    near, beginning = page.near, newest - BEGINNING
    is_lost = page.oldest_first and (near is None or near < beginning)
    start = beginning if is_lost else newest if near is None else near
    length = DAY if is_lost else SHORTEST
    patience = PATIENCE_SECONDS
    while True:
        end = page.end_of(start, length, newest)
        began = clock()
        found += await look(page.within(near, end), page.limit + 1 - len(found))
        if len(found) > page.limit:
            return _cut(found, page)
        if end is None or end == page.far:
            return found, None
        seconds = clock() - began
        patience -= max(0.0, seconds - QUICK_SECONDS)
        if patience < 0:
            return found, Place.behind_all_at(end, oldest_first=page.oldest_first)
        near = start = end + 1 if page.oldest_first else end - 1
        if found or not is_lost:
            length = _next_length(length, seconds)


async def read_at_once(look: Look, page: Page) -> Listed:
    """The same of a list that is never long."""
    return _cut(await look(page.within(page.near, page.far), page.limit + 1), page)


def _cut(found: Sequence[Document], page: Page) -> Listed:
    shown = list(found[: page.limit])
    return shown, Place.of(shown[-1]) if len(found) > page.limit else None


def _next_length(length: int, seconds: float) -> int:
    if seconds > SLOW_SECONDS:
        return max(SHORTEST, length // 4)
    return length * 2 if seconds > QUICK_SECONDS else length * 8


async def read_list(
    store: Store,
    look: Look,
    page: Page,
    *,
    newest: int,
    is_narrowed: bool,
    clock: Callable[[], float] = time.monotonic,
) -> Listed:
    """Return a page of a list whose `newest` documents stand about there.

    A list `is_narrowed` where conditions beside the index's own may leave out most of what the index finds.
    """
    if store.is_mongodb and not is_narrowed:
        return await read_at_once(look, page)
    return await read(look, page, newest=newest, clock=clock)


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Conditions on a list beside those of its index."""

    usual: Sequence[Document] = ()
    """Met by nearly all that the index finds."""
    others: Sequence[Document] = ()

    @property
    def all(self) -> Sequence[Document]:
        """Return both."""
        return [*self.usual, *self.others]


async def read_some(
    store: Store,
    collection: Collection,
    wanted: Document,
    narrowing: Narrowing,
    page: Page,
    *,
    hidden: Document,
    now_ms: int,
) -> Listed:
    """Return a page of what is `wanted`, see looking. `now_ms` is the store's time."""
    look = looking(collection, wanted, narrowing.all, page, hidden)
    return await read_list(store, look, page, newest=now_ms * PER_MS, is_narrowed=bool(narrowing.others))


def looking(collection: Collection, wanted: Document, others: Sequence[Document], page: Page, hidden: Document) -> Look:
    """Looks for what is `wanted`, by equality and in the order of an index that ends in position and id.

    The `others` narrow what the index finds. They are a stage of their own, since SecantusDB takes no index for a query
    with more conditions than that; MongoDB joins both stages into one query.
    """
    narrowing = [*others, *([page.behind.behind(oldest_first=page.oldest_first)] if page.behind else [])]

    async def look(bounds: Document, most: int) -> Sequence[Document]:
        within = {"position": bounds} if bounds else {}
        stages: list[Document] = [
            {"$match": {**wanted, **within}},
            *([{"$match": {"$and": narrowing}}] if narrowing else []),
            {"$sort": page.order},
            {"$limit": most},
            *([{"$project": hidden}] if hidden else []),
        ]
        return await (await collection.aggregate(stages)).to_list()

    return look
