"""Growing lists, read in ranges.

MongoDB reads only one page from these lists' indexes: there one query finds it. SecantusDB first reads everything
that the prefix of an index matches, 30 microseconds for each document, whatever the limit: a page of 100,000 runs would
take seconds. So a query reads a range of the list. The first is short; the faster the previous query, the longer the
next range. A list filtered by fields outside its index is read in ranges on MongoDB, too: it may have to read very many
documents for a page.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from shared.clock import epoch_ms
from shared.errors import InvalidRequest
from shared.store.client import Collection, Document, Store

POSITION: Final = "position"
_BEFORE_ALL_KEYS: Final = ""
_AFTER_ALL_KEYS: Final = "\U0010ffff"
PER_MS: Final = 4096
LAST_ORDER: Final = PER_MS - 1
"""The last position within its millisecond."""
QUICK_SECONDS: Final = 0.05
SLOW_SECONDS: Final = 0.5
TIME_BUDGET_SECONDS: Final = 2.0
"""Time to fill a page. If few of very many documents match, the reader gets a short page and continues.

Excludes the minimum time of the queries, of which there are at most a hundred.
"""


class Cursor(NamedTuple):
    """Position of an existing or possible document."""

    at: int
    key: str

    @classmethod
    def of(cls, document: Document, *, by: str = POSITION) -> "Cursor":
        """Return the cursor of a document."""
        return cls(document[by], document["_id"])

    @classmethod
    def after_all_at(cls, at: int, *, oldest_first: bool) -> "Cursor":
        """Return the cursor after all documents with this number."""
        return cls(at, _AFTER_ALL_KEYS if oldest_first else _BEFORE_ALL_KEYS)

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Return the cursor in `text`. Raises InvalidRequest."""
        number, dot, key = text.partition(".")
        if not dot or not number.isascii() or not number.isdigit() or len(number) > 18:
            raise InvalidRequest("Invalid cursor")
        return cls(int(number), key)

    @property
    def text(self) -> str:
        """Return the text that callers use."""
        return f"{self.at}.{self.key}"

    def after(self, *, by: str = POSITION, oldest_first: bool = False) -> Document:
        """Return the filter for documents after this cursor, among those whose number is not before its own."""
        sign = "$gt" if oldest_first else "$lt"
        return {"$or": [{by: {sign: self.at}}, {"_id": {sign: self.key}}]}


def position_of(created_at: datetime, order: int) -> int:
    """Return the position of the `order`-th item of a batch."""
    return epoch_ms(created_at) * PER_MS + order % PER_MS


def _positions(time_: timedelta) -> int:
    return time_ // timedelta(milliseconds=1) * PER_MS


SHORTEST: Final = _positions(timedelta(seconds=1))
LONGEST: Final = _positions(timedelta(days=180))
"""Once ranges have grown to this length, the rest of the list is one range."""
DAY: Final = _positions(timedelta(days=1))
OLDEST_START: Final = _positions(timedelta(days=100))
"""Where an oldest-first list begins: slightly more than the default retention of runs.

Older documents are in the first range.
"""


class PartialRange(list[Document]):
    """Documents of a range whose query stopped after position `end`, since reading on would take too long."""

    def __init__(self, documents: Iterable[Document], end: int) -> None:
        super().__init__(documents)
        self.end = end


RangeQuery = Callable[[Document, int], Awaitable[Sequence[Document]]]
"""Query for documents with positions within bounds, in list order, up to a limit.

It returns a PartialRange if it read only the start of the range.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A requested page. `lowest` and `highest` are inclusive positions."""

    limit: int
    lowest: int | None = None
    highest: int | None = None
    after: Cursor | None = None
    oldest_first: bool = False

    @property
    def order(self) -> dict[str, int]:
        """Return the sort order of the query."""
        direction = 1 if self.oldest_first else -1
        return {"position": direction, "_id": direction}

    @property
    def first(self) -> int | None:
        """Return the position where reading begins."""
        bound = self.lowest if self.oldest_first else self.highest
        edges = [edge for edge in (bound, self.after and self.after.at) if edge is not None]
        return (max if self.oldest_first else min)(edges, default=None)

    @property
    def last(self) -> int | None:
        """Return the position where the list ends."""
        return self.highest if self.oldest_first else self.lowest

    def bounds(self, first: int | None, last: int | None) -> Document:
        """Return the bounds of a range; {} if unbounded.

        No `$lte`: where an index continues after the position, SecantusDB finds no documents at the bound itself. To
        MongoDB both are the same, since positions are integers.
        """
        lowest, highest = (first, last) if self.oldest_first else (last, first)
        limits = {"$gte": lowest, "$lt": None if highest is None else highest + 1}
        return {sign: position for sign, position in limits.items() if position is not None}

    def end_of(self, start: int, length: int, newest: int) -> int | None:
        """Return the last position of a range: the list's, None if it has none, if little can follow."""
        end = start + length - 1 if self.oldest_first else start - length + 1
        if length > LONGEST or (end >= newest if self.oldest_first else end <= 0):
            return self.last
        if self.last is None:
            return end
        return (min if self.oldest_first else max)(end, self.last)


ResultPage = tuple[list[Document], Cursor | None]
"""Documents, and the place to continue from, if any."""


async def read_in_ranges(
    look: RangeQuery, page: Page, *, newest: int, clock: Callable[[], float] = time.monotonic
) -> ResultPage:
    """Return a page of a list whose newest documents are near position `newest`.

    Newer ones are in the first range. A page can be shorter than its limit, even empty, before the list ends.
    """
    found: list[Document] = []
    first, default = page.first, newest - OLDEST_START
    starts_at_default = page.oldest_first and (first is None or first < default)
    start = default if starts_at_default else newest if first is None else first
    length = DAY if starts_at_default else SHORTEST
    seconds_left = TIME_BUDGET_SECONDS
    while True:
        end = page.end_of(start, length, newest)
        began = clock()
        part = await look(page.bounds(first, end), page.limit + 1 - len(found))
        found += part
        if len(found) > page.limit:
            return _first_page(found, page)
        if isinstance(part, PartialRange):
            return found, Cursor.after_all_at(part.end, oldest_first=page.oldest_first)
        if end is None or end == page.last:
            return found, None
        seconds = clock() - began
        seconds_left -= max(0.0, seconds - QUICK_SECONDS)
        if seconds_left < 0:
            return found, Cursor.after_all_at(end, oldest_first=page.oldest_first)
        first = start = end + 1 if page.oldest_first else end - 1
        if found or not starts_at_default:
            length = _next_length(length, seconds)


async def read_in_one_query(look: RangeQuery, page: Page) -> ResultPage:
    """Return a page of a short list in one query."""
    return _first_page(await look(page.bounds(page.first, page.last), page.limit + 1), page)


def _first_page(found: Sequence[Document], page: Page) -> ResultPage:
    shown = list(found[: page.limit])
    return shown, Cursor.of(shown[-1]) if len(found) > page.limit else None


def _next_length(length: int, seconds: float) -> int:
    if seconds > SLOW_SECONDS:
        return max(SHORTEST, length // 4)
    return length * 2 if seconds > QUICK_SECONDS else length * 8


async def read_list(
    store: Store,
    look: RangeQuery,
    page: Page,
    *,
    newest: int,
    is_filtered: bool,
    clock: Callable[[], float] = time.monotonic,
) -> ResultPage:
    """Return a page of a list whose newest documents are near position `newest`.

    A list `is_filtered` if conditions beyond the index may exclude most of what the index finds.
    """
    if store.is_mongodb and not is_filtered:
        return await read_in_one_query(look, page)
    return await read_in_ranges(look, page, newest=newest, clock=clock)


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions on a list beyond its index."""

    usual: Sequence[Document] = ()
    """Conditions that nearly all indexed documents meet."""
    others: Sequence[Document] = ()

    @property
    def all(self) -> Sequence[Document]:
        """Return both."""
        return [*self.usual, *self.others]


async def list_documents(
    store: Store,
    collection: Collection,
    wanted: Document,
    filters: Filters,
    page: Page,
    *,
    hidden: Document,
    now_ms: int,
) -> ResultPage:
    """Return a page of the `wanted` documents, see `range_query`. `now_ms` is the store's time."""
    look = range_query(collection, wanted, filters.all, page, hidden)
    return await read_list(store, look, page, newest=now_ms * PER_MS, is_filtered=bool(filters.others))


def range_query(
    collection: Collection, wanted: Document, others: Sequence[Document], page: Page, hidden: Document
) -> RangeQuery:
    """Return a query for `wanted`, by equality and in the order of an index that ends in position and id.

    The `others` filter what the index finds, in a separate stage, since SecantusDB uses no index for a query with more
    conditions; MongoDB joins both stages into one query.
    """
    filters = [*others, *([page.after.after(oldest_first=page.oldest_first)] if page.after else [])]

    async def look(bounds: Document, most: int) -> Sequence[Document]:
        within = {"position": bounds} if bounds else {}
        stages: list[Document] = [
            {"$match": {**wanted, **within}},
            *([{"$match": {"$and": filters}}] if filters else []),
            {"$sort": page.order},
            {"$limit": most},
            *([{"$project": hidden}] if hidden else []),
        ]
        return await (await collection.aggregate(stages)).to_list()

    return look
