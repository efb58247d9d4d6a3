"""The search for leftover objects finds them whatever else is in memory."""

import weakref

from tests.support.left_behind import without_collections


class Kept:
    pass


def test_a_proxy_of_a_deleted_object_does_not_break_the_search() -> None:
    with without_collections() as remains:
        gone, kept = Kept(), Kept()
        proxy = weakref.proxy(gone)
        del gone
        assert remains.of(Kept) == ["Kept"]
        del kept, proxy
        assert remains.of(Kept) == []
