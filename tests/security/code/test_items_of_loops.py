"""A caller's value stays one item, or a part of one, in the collection that an author typed."""

import json
from typing import Final

import pytest
from tests.security.code.hostile import VALUES
from tests.support.engine.building import run
from tests.support.engine.containers import child, fills_in, inside, results

INJECTIONS: Final = (
    'x", "admin',
    "x', 'admin",
    "x','admin','y",
    'x"}, {"role": "admin',
    "']; ['admin",
    "\\', 'admin",
    '\\", "admin',
    "it's",
)


@pytest.mark.parametrize("kind", ["loop", "parallel"])
@pytest.mark.parametrize("collection", ['["<start.v>", "last"]', "['<start.v>', 'last']"])
async def test_a_value_in_a_string_stays_in_it(collection: str, kind: str) -> None:
    data = {"loopType": "forEach", "parallelType": "collection", "collection": collection}
    workflow = inside(kind, data, child("a", f"<{kind}.currentItem>"), after=False)
    for value in (*VALUES, *INJECTIONS):
        shown = results(await run(fills_in, workflow, input={"v": value}))
        assert shown == [[value], ["last"]], json.dumps(value)
