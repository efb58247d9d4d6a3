"""An index keeps its meaning once declared: a changed one takes a new name, and is recorded here.

A store refuses an index of another's name, or one that differs from another in its name or lifetime only: a service of
the newer version would not start where the older one's indexes are.
"""

from collections import defaultdict
from typing import Any

import msgspec
from tests.contract.store.recorded_indexes import RECORDED, declared
from tests.support.mongodb_refusals import index_refusals

from flowport.admin.databases import INDEXES


def test_every_index_is_recorded_and_unchanged() -> None:
    recorded = msgspec.json.decode(RECORDED.read_bytes())
    different = {name: index for name, index in declared().items() if recorded.get(name) != index}
    assert different == {}, "a new one is added by `python -m tests.contract.record`, a changed one takes a new name"


def test_no_two_indexes_of_a_collection_have_one_name() -> None:
    assert len(declared()) == sum(map(len, INDEXES.values()))


def test_a_collection_can_have_all_its_past_indexes_together() -> None:
    ever: defaultdict[str, list[Any]] = defaultdict(list)
    for name, index in (msgspec.json.decode(RECORDED.read_bytes()) | declared()).items():
        ever[name.removesuffix(f".{index['name']}")].append(index)
    for indexes in ever.values():
        assert list(index_refusals(indexes)) == [], "a changed one has other keys, too"
