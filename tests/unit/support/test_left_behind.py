"""The search for leftover objects finds them whatever else is in memory."""

import weakref

from tests.support.left_behind import without_collections


class Node:
    pass


def test_a_proxy_of_a_deleted_object_does_not_break_the_search() -> None:
    with without_collections() as remains:
        collected, leaked = Node(), Node()
        proxy = weakref.proxy(collected)
        del collected
        assert remains.of(Node) == ["Node"]
        del leaked, proxy
        assert remains.of(Node) == []
