"""Messages and internal bodies only gain fields, with defaults: versions next to each other understand each other.

`recorded_shapes.json` has each struct and enum of `shared.contracts`: lines are added to it, never changed.
A new value of an enum is read a version before anybody sends it. `python -m tests.contract.record` adds what is new.
"""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, TypeAlias, get_type_hints

import msgspec
from msgspec.structs import fields

from shared import contracts

RECORDED = Path(__file__).parent / "recorded_shapes.json"
OPTIONAL = " = …"
UNION = " | "
LIST = ("tuple[", ", ...]")
MODULES = re.compile(r"\b(\w+\.)+(?=\w)")
Struct: TypeAlias = type[msgspec.Struct]
Shape: TypeAlias = dict[str, str]


def recorded() -> dict[str, Shape]:
    """What every version so far agreed on."""
    return msgspec.json.decode(RECORDED.read_bytes(), type=dict[str, Shape])


def declared() -> dict[str, Shape]:
    """Each struct with the types of its fields, each enum with its values."""
    structs = {kind.__qualname__: _fields(kind) for kind in _contracts(msgspec.Struct)}
    return structs | {kind.__qualname__: {str(each.value): "" for each in kind} for kind in _contracts(Enum)}


def _contracts(base: type[Any]) -> Iterator[Any]:
    for found in pkgutil.iter_modules(contracts.__path__, f"{contracts.__name__}."):
        module = importlib.import_module(found.name)
        for kind in vars(module).values():
            if isinstance(kind, type) and issubclass(kind, base) and kind.__module__ == found.name:
                yield kind


def _fields(kind: Struct) -> Shape:
    types, tag = get_type_hints(kind), kind.__struct_config__.tag
    shape = {each.encode_name: _text(types[each.name]) + ("" if each.required else OPTIONAL) for each in fields(kind)}
    return {**shape, "(tag)": str(tag)} if tag else shape


def _text(hint: Any) -> str:
    return hint.__qualname__ if isinstance(hint, type) else MODULES.sub("", str(hint))


def _is_good_for(was: str, now: str) -> bool:
    """Only a union of what tells itself apart may grow: whoever does not know a message drops or buries it."""
    kinds, known = _kinds(was), recorded()
    return was == now or (kinds < _kinds(now) and all("(tag)" in known.get(kind, {}) for kind in kinds))


def _kinds(text: str) -> set[str]:
    return set(text.removeprefix(LIST[0]).removesuffix(LIST[1]).split(UNION))


def test_nothing_that_was_ever_sent_has_changed_or_is_gone() -> None:
    now = declared()
    lost = {
        f"{name}.{field}": was
        for name, shape in recorded().items()
        for field, was in shape.items()
        if not _is_good_for(was, now.get(name, {}).get(field, ""))
    }
    assert lost == {}


def test_what_is_added_is_no_obstacle_to_the_version_before() -> None:
    known = recorded()
    added = {
        f"{name}.{field}": kind
        for name, shape in declared().items()
        for field, kind in shape.items()
        if name in known and field not in known[name]
    }
    assert [field for field, kind in added.items() if not kind.endswith(OPTIONAL)] == []


def test_what_is_added_is_recorded() -> None:
    assert declared() == recorded(), "`python -m tests.contract.record` adds it"


def test_a_field_of_a_newer_version_is_refused_nowhere() -> None:
    assert [kind for kind in _contracts(msgspec.Struct) if kind.__struct_config__.forbid_unknown_fields] == []
