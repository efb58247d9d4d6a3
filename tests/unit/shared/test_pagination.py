"""The cost of a list's page depends on the page, however long the list is, and pages list every item once."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.store.client import Document
from shared.store.pagination import TIME_BUDGET_SECONDS, Cursor, Page, ResultPage, position_of, read_in_ranges

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
PER_DOCUMENT = 30e-6
"""Seconds that SecantusDB takes to read one, and the minimum of a query."""
PER_LOOK = 2e-3


def at(ago: timedelta, order: int = 0) -> int:
    return position_of(NOW - ago, order)


@dataclass
class Shelf:
    """A store like SecantusDB: it reads all documents within bounds, then sorts and cuts."""

    positions: Sequence[int]
    wanted: int = 1
    """Share of matching documents: one in this number. The others are read in vain."""
    slowness: int = 1
    time: float = 0.0
    looks: int = 0
    documents: list[Document] = field(init=False)

    def __post_init__(self) -> None:
        self.documents = [{"_id": f"{n:07}", "position": each} for n, each in enumerate(self.positions)]

    def page(self, page: Page) -> ResultPage:
        self.time, self.looks = 0.0, 0

        async def look(bounds: Document, most: int) -> list[Document]:
            low, high = bounds.get("$gte", 0), bounds.get("$lt", 1 << 62)
            within = [each for each in self.documents if low <= each["position"] < high]
            self.looks += 1
            self.time += self.slowness * (PER_LOOK + PER_DOCUMENT * len(within))
            found = sorted((each for each in within if self._is_behind(each, page)), key=Cursor.of)
            return found[:most] if page.oldest_first else found[::-1][:most]

        return asyncio.run(read_in_ranges(look, page, newest=at(timedelta()), clock=lambda: self.time))

    def is_wanted(self, document: Document) -> bool:
        return int(document["_id"]) % self.wanted == 0

    def _is_behind(self, document: Document, page: Page) -> bool:
        if page.after is None or not self.is_wanted(document):
            return self.is_wanted(document)
        place = Cursor.of(document)
        return place > page.after if page.oldest_first else place < page.after


def of_last_days(count: int, days: int) -> list[int]:
    return [at(timedelta(days=days) * (number + 1) / count) for number in range(count)]


@pytest.mark.parametrize("oldest_first", [False, True])
def test_a_page_of_a_long_list_reads_little_of_it(oldest_first: bool) -> None:
    shelf = Shelf(of_last_days(200_000, days=30))
    found, after = shelf.page(Page(limit=100, oldest_first=oldest_first))

    assert len(found) == 100
    assert shelf.time < 0.5, "all of it takes 6 s"

    shelf.page(Page(limit=100, oldest_first=oldest_first, after=after))
    assert shelf.time < 0.5, "and so it is with the pages behind"


def test_a_page_costs_little_while_a_thousand_runs_a_second_go_by() -> None:
    shelf = Shelf([at(timedelta(milliseconds=number)) for number in range(120_000)])
    found, _ = shelf.page(Page(limit=100))

    assert len(found) == 100
    assert shelf.time < 0.1, "a minute of them takes 2 s"


def test_the_newest_page_of_a_short_list_takes_few_queries() -> None:
    shelf = Shelf(of_last_days(5, days=80))
    found, after = shelf.page(Page(limit=100))

    assert (len(found), after) == (5, None)
    assert shelf.looks <= 10


def test_a_slow_query_returns_a_short_page_and_a_cursor() -> None:
    shelf = Shelf(of_last_days(200_000, days=30), wanted=50_000)
    found, after = shelf.page(Page(limit=100))

    assert len(found) < 4
    assert after is not None
    assert TIME_BUDGET_SECONDS < shelf.time < 2 * TIME_BUDGET_SECONDS


def test_items_older_than_every_retention_are_found_from_the_oldest() -> None:
    shelf = Shelf([at(timedelta(days=4_000)), at(timedelta(days=1))])
    found, after = shelf.page(Page(limit=1, oldest_first=True))

    assert ([each["_id"] for each in found], after) == (["0000000"], Cursor.of(found[0]))


def test_items_dated_in_the_future_by_another_clock_are_found() -> None:
    shelf = Shelf([at(timedelta(days=-2))])
    for oldest_first in (False, True):
        found, _ = shelf.page(Page(limit=10, oldest_first=oldest_first))
        assert len(found) == 1


moments = st.one_of(
    st.integers(0, 5).map(lambda n: at(timedelta(), n)),
    st.timedeltas(timedelta(days=-1), timedelta(days=40)).map(at),
)
bounds = st.none() | moments


@given(
    positions=st.lists(moments, max_size=60),
    oldest_first=st.booleans(),
    limit=st.integers(1, 20),
    lowest=bounds,
    highest=bounds,
    wanted=st.integers(1, 3),
    slowness=st.sampled_from([1, 20, 60]),
)
def test_pages_hold_everything_once_and_in_order(
    positions: list[int],
    oldest_first: bool,
    limit: int,
    lowest: int | None,
    highest: int | None,
    wanted: int,
    slowness: int,
) -> None:
    shelf = Shelf(positions, wanted, slowness)
    seen: list[Document] = []
    after: Cursor | None = None
    for _ in range(1_000):
        page = Page(limit=limit, lowest=lowest, highest=highest, after=after, oldest_first=oldest_first)
        found, after = shelf.page(page)
        assert len(found) <= limit
        seen += found
        if after is None:
            break
        after = Cursor.parse(after.text)
    low, high = lowest or 0, 1 << 62 if highest is None else highest
    meant = [each for each in shelf.documents if low <= each["position"] <= high and shelf.is_wanted(each)]
    assert seen == sorted(meant, key=Cursor.of, reverse=not oldest_first)
    assert after is None
