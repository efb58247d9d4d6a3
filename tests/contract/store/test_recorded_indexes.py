"""A declared index never changes: a changed one gets a new name and new keys, and every index is recorded.

A store refuses to create an index with the name of a different one, or with the keys of another one. A service of a
newer version would not start on a store with the indexes of an older one.
"""

from collections import defaultdict
from typing import Any

import msgspec
from tests.contract.store.recorded_indexes import RECORDED, declared
from tests.support.mongodb_refusals import index_refusals

from flowport.admin.store_indexes import INDEXES


def test_every_index_is_recorded_and_unchanged() -> None:
    recorded = msgspec.json.decode(RECORDED.read_bytes())
    different = {name: index for name, index in declared().items() if recorded.get(name) != index}
    assert different == {}, "record a new index with `python -m tests.contract.record`; give a changed one a new name"


def test_no_two_indexes_of_a_collection_have_one_name() -> None:
    assert len(declared()) == sum(map(len, INDEXES.values()))


def test_a_collection_can_have_all_its_past_indexes_together() -> None:
    ever: defaultdict[str, list[Any]] = defaultdict(list)
    for name, index in (msgspec.json.decode(RECORDED.read_bytes()) | declared()).items():
        ever[name.removesuffix(f".{index['name']}")].append(index)
    for indexes in ever.values():
        assert list(index_refusals(indexes)) == [], "a changed index needs different keys as well"
