"""Structs, dataclasses and enums as text, and their permitted changes from one version to the next."""

import dataclasses
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, TypeAlias, get_type_hints

import msgspec

OPTIONAL: Final = " = …"
UNION: Final = " | "
LIST: Final = ("tuple[", ", ...]")
MODULES: Final = re.compile(r"\b(\w+\.)+(?=\w)")
Shape: TypeAlias = dict[str, str]
Shapes: TypeAlias = Mapping[str, Shape]


def shape_of(kind: type[Any]) -> Shape:
    """Return each field with its type, and its position where it is encoded as a list; each value of an enum."""
    if issubclass(kind, Enum):
        return {str(each.value): "" for each in kind}
    types = get_type_hints(kind)
    if not issubclass(kind, msgspec.Struct):
        return {each.name: _text(types[each.name]) + _option(_is_required(each)) for each in dataclasses.fields(kind)}
    config, fields = kind.__struct_config__, msgspec.structs.fields(kind)
    names = [
        f"{place} {each.encode_name}" if config.array_like else each.encode_name for place, each in enumerate(fields)
    ]
    shape = {name: _text(types[each.name]) + _option(each.required) for name, each in zip(names, fields, strict=True)}
    return {**shape, "(tag)": str(config.tag)} if config.tag else shape


def changed(recorded: Shapes, declared: Shapes) -> Shape:
    """Return the recorded parts that have changed or disappeared."""
    return {
        f"{name}.{field}": was
        for name, shape in recorded.items()
        for field, was in shape.items()
        if not _is_good_for(was, declared.get(name, {}).get(field, ""), recorded)
    }


def newly_required(recorded: Shapes, declared: Shapes) -> list[str]:
    """Return the additions to existing types that lack a default."""
    return [
        f"{name}.{field}"
        for name, shape in declared.items()
        for field, kind in shape.items()
        if name in recorded and field not in recorded[name] and kind and not kind.endswith(OPTIONAL)
    ]


def _is_required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _option(is_required: bool) -> str:
    return "" if is_required else OPTIONAL


def _text(hint: Any) -> str:
    return hint.__qualname__ if isinstance(hint, type) else MODULES.sub("", str(hint))


def _is_good_for(was: str, now: str, recorded: Shapes) -> bool:
    """Return whether the type may change. Only a union of tagged types may grow: a reader that does not know a message
    drops or dead-letters it."""
    kinds = _kinds(was)
    return was == now or (kinds < _kinds(now) and all("(tag)" in recorded.get(kind, {}) for kind in kinds))


def _kinds(text: str) -> set[str]:
    return set(text.removeprefix(LIST[0]).removesuffix(LIST[1]).split(UNION))
