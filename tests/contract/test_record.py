"""The recorder accepts additions, and nothing that the previous version could not read."""

import pytest
from tests.contract.record import grown

KNOWN = {"Run": {"id": "str"}}


def test_additions_with_defaults_are_recorded_and_existing_records_stay() -> None:
    now = {"Run": {"id": "int", "name": "str = …"}, "New": {"id": "str"}}
    assert grown(KNOWN, now) == {"Run": {"id": "str", "name": "str = …"}, "New": {"id": "str"}}


def test_a_required_field_is_reported_instead_of_recorded() -> None:
    with pytest.raises(SystemExit, match=r"Run\.name"):
        grown(KNOWN, {"Run": {"id": "str", "name": "str"}})
