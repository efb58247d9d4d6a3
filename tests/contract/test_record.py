"""The recorder accepts additions, and nothing that the previous version could not read."""

import pytest
from tests.contract.record import grown

KNOWN = {"Run": {"id": "str"}}


def test_what_has_a_default_is_recorded_and_what_was_known_stays() -> None:
    now = {"Run": {"id": "int", "name": "str = …"}, "New": {"id": "str"}}
    assert grown(KNOWN, now) == {"Run": {"id": "str", "name": "str = …"}, "New": {"id": "str"}}


def test_a_field_that_must_be_there_is_not_recorded_but_told() -> None:
    with pytest.raises(SystemExit, match=r"Run\.name"):
        grown(KNOWN, {"Run": {"id": "str", "name": "str"}})
