"""Messages and internal bodies only gain fields, with defaults: adjacent versions understand each other.

`recorded_shapes.json` has each struct and enum of `shared.contracts`: lines are added to it, never changed. One version
must read a new value of an enum before the next one sends it. `python -m tests.contract.record` adds new shapes.
"""

import msgspec
from tests.contract.messages.recorded_shapes import _contracts, declared, recorded
from tests.contract.shapes import changed, newly_required


def test_no_recorded_type_has_changed_or_disappeared() -> None:
    assert changed(recorded(), declared()) == {}


def test_additions_are_compatible_with_the_previous_version() -> None:
    assert newly_required(recorded(), declared()) == []


def test_additions_are_recorded() -> None:
    assert declared() == recorded(), "`python -m tests.contract.record` adds it"


def test_a_field_of_a_newer_version_is_refused_nowhere() -> None:
    assert [kind for kind in _contracts(msgspec.Struct) if kind.__struct_config__.forbid_unknown_fields] == []
