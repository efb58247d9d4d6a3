"""Bounded collections never exceed their bound: neither within one process nor with two."""

import asyncio
from typing import Final

import pytest

from shared.bounded_inserts import BoundedInserts
from shared.errors import Conflict

AT_MOST: Final = 5


class Shelf:
    """A shared store over a slow connection."""

    def __init__(self) -> None:
        self.things: list[int] = []

    async def put(self, adding: BoundedInserts, number: int) -> int | None:
        """Return the number of stored items, None where it was full."""

        async def count() -> int:
            await asyncio.sleep(0)
            return len(self.things)

        async def add() -> int:
            await asyncio.sleep(0)
            self.things.append(number)
            await asyncio.sleep(0)
            return number

        async def delete(added: int) -> None:
            await asyncio.sleep(0)
            self.things.remove(added)

        return await adding.insert("owner", AT_MOST, count=count, insert=add, delete=delete)


async def test_concurrent_additions_fill_exactly_the_room() -> None:
    shelf, adding = Shelf(), BoundedInserts()
    results = await asyncio.gather(*(shelf.put(adding, number) for number in range(20)))
    assert [number for number in results if number is not None] == shelf.things == list(range(AT_MOST))


@pytest.mark.parametrize("there", range(AT_MOST + 1))
async def test_two_processes_together_do_not_exceed_the_bound(there: int) -> None:
    shelf, one, other = Shelf(), BoundedInserts(), BoundedInserts()
    shelf.things = list(range(-there, 0))
    results = await asyncio.gather(*(shelf.put(each, number) for number in range(20) for each in (one, other)))
    added = [number for number in results if number is not None]
    assert len(shelf.things) == there + len(added) <= AT_MOST
    assert (await shelf.put(one, 99) is None) == (len(added) + there == AT_MOST)


async def test_of_two_processes_that_insert_the_last_item_at_once_one_succeeds() -> None:
    shelf = Shelf()
    shelf.things = list(range(-AT_MOST + 1, 0))
    results = await asyncio.gather(*(shelf.put(BoundedInserts(), number) for number in range(2)))
    assert sorted(results, key=str) in ([0, None], [1, None])
    assert len(shelf.things) == AT_MOST


async def test_a_failed_insert_uses_no_capacity() -> None:
    adding = BoundedInserts()

    async def none() -> int:
        return 0

    async def refused() -> None:
        raise Conflict("no")

    async def nothing_to_take_back(added: None) -> None:
        raise AssertionError("nothing was added")

    for _ in range(2):
        with pytest.raises(Conflict):
            await adding.insert("owner", AT_MOST, count=none, insert=refused, delete=nothing_to_take_back)
