"""Messages and internal bodies only gain fields, with defaults: adjacent versions understand each other.

`recorded_shapes.json` has each struct and enum of `shared.contracts`: lines are added to it, never changed. One version
must read a new value of an enum before the next one sends it. `python -m tests.contract.record` adds new shapes.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec
from tests.contract.shapes import Shape, changed, required_anew, shape_of

from shared import contracts

RECORDED = Path(__file__).parent / "recorded_shapes.json"


def recorded() -> dict[str, Shape]:
    """Return the recorded shapes."""
    return msgspec.json.decode(RECORDED.read_bytes(), type=dict[str, Shape])


def declared() -> dict[str, Shape]:
    """Return each struct with the types of its fields, each enum with its values."""
    return {kind.__qualname__: shape_of(kind) for base in (msgspec.Struct, Enum) for kind in _contracts(base)}


def _contracts(base: type[Any]) -> Iterator[Any]:
    for found in pkgutil.iter_modules(contracts.__path__, f"{contracts.__name__}."):
        module = importlib.import_module(found.name)
        for kind in vars(module).values():
            if isinstance(kind, type) and issubclass(kind, base) and kind.__module__ == found.name:
                yield kind


def test_nothing_that_was_ever_sent_has_changed_or_is_gone() -> None:
    assert changed(recorded(), declared()) == {}


def test_what_is_added_is_no_obstacle_to_the_version_before() -> None:
    assert required_anew(recorded(), declared()) == []


def test_what_is_added_is_recorded() -> None:
    assert declared() == recorded(), "`python -m tests.contract.record` adds it"


def test_a_field_of_a_newer_version_is_refused_nowhere() -> None:
    assert [kind for kind in _contracts(msgspec.Struct) if kind.__struct_config__.forbid_unknown_fields] == []
