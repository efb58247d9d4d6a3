"""Stored structs and dataclasses only gain fields, with defaults: a version reads the documents of older ones.

These are the records of deploy-service and gateway, and what executors store of runs: their journals, and the states in
which paused ones wait, some of them for months. `recorded_documents.json` has each, and all their parts that
`shared.contracts` does not have. `python -m tests.contract.record` adds new ones.
"""

import msgspec
from tests.contract.shapes import changed, newly_required
from tests.contract.store.recorded_documents import declared, kinds, recorded


def test_no_stored_type_has_changed_or_disappeared() -> None:
    assert changed(recorded(), declared()) == {}


def test_additions_are_optional() -> None:
    assert newly_required(recorded(), declared()) == []


def test_additions_are_recorded() -> None:
    assert declared() == recorded(), "`python -m tests.contract.record` adds it"


def test_a_field_of_a_newer_version_is_refused_nowhere() -> None:
    structs = [kind for kind in kinds() if issubclass(kind, msgspec.Struct)]
    assert [kind for kind in structs if kind.__struct_config__.forbid_unknown_fields] == []
