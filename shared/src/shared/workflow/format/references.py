"""References `<block.path>` and environment markers `{{NAME}}` in template text, found once, at compile time.

Filled-in values are never parsed, so a value that looks like a reference or a marker stays unchanged.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Final, TypeAlias

import msgspec

from shared.workflow.format.js_values import Json

RESERVED_NAMES: Final = frozenset({"loop", "parallel", "variable"})
"""Names that no block may have: they have other meanings inside `<…>`."""

_DROPPED: Final = re.compile(r"[\s.\ufeff]+")


def normalize_name(name: str) -> str:
    """Return the name in references: lower case, without white space and dots. `Agent 1` becomes `agent1`."""
    return _DROPPED.sub("", name.lower())


PathKey: TypeAlias = str | int
"""A step into a value: a key of an object, or an index of an array."""
Path: TypeAlias = tuple[PathKey, ...]

MARKER: Final = re.compile(r"<(?P<reference>[^<>]+)>|\{\{(?P<env>[^{}<>]+)\}\}")
"""Candidates; `is_reference` decides about the first kind."""

_ENVIRONMENT_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,127}")
_OPERATORS: Final = re.compile(r"[+*/=<>!]")
_INDEXES: Final = re.compile(r"(?P<key>[^\[\]]*)(?P<indexes>(?:\[\d+\])*)", re.ASCII)
_MAX_INDEX_DIGITS: Final = 15
_STRING_MARKS: Final = re.compile(r'\\.|"', re.DOTALL)
"""Escapes and quotes of JSON."""


class Reference(msgspec.Struct, frozen=True, dict=True):
    """One `<root.path>`; `raw` is the text as typed, brackets included."""

    raw: str
    root: str
    """As typed: a block's name, or `loop`, `parallel`, `variable`."""
    path: Path = ()

    @cached_property
    def name(self) -> str:
        """Return the normalized root, as in `WorkflowState.ids_by_name`."""
        return normalize_name(self.root)

    @property
    def path_text(self) -> str:
        """Return the path as typed, without the root."""
        return self.raw[len(self.root) + 1 : -1].removeprefix(".")


class EnvMarker(msgspec.Struct, frozen=True):
    """One `{{NAME}}`. The name is exact, including blanks. An unknown name stays as typed."""

    raw: str
    name: str


TemplatePart: TypeAlias = str | Reference | EnvMarker


class TextTemplate(msgspec.Struct, frozen=True):
    """Text split into literal parts, references and environment markers."""

    parts: tuple[TemplatePart, ...] = ()

    @property
    def source(self) -> str:
        """Return the parsed text."""
        return "".join(part if isinstance(part, str) else part.raw for part in self.parts)

    @property
    def is_literal(self) -> bool:
        """Return whether there is nothing to fill in."""
        return all(isinstance(part, str) for part in self.parts)

    @property
    def references(self) -> tuple[Reference, ...]:
        """Return the references, in order."""
        return tuple(part for part in self.parts if isinstance(part, Reference))

    @property
    def sole_reference(self) -> Reference | None:
        """Return the reference if the text has no other part."""
        part = self.parts[0] if len(self.parts) == 1 else None
        return part if isinstance(part, Reference) else None


def parse_text(text: str) -> TextTemplate:
    """Split template text into its parts. Joined, the parts are always the text."""
    parts: list[TemplatePart] = []
    literal_from = position = 0
    while match := MARKER.search(text, position):
        part = part_of(match)
        if part is None:
            position = match.start() + 1
            continue
        if match.start() > literal_from:
            parts.append(text[literal_from : match.start()])
        parts.append(part)
        literal_from = position = match.end()
    if literal_from < len(text):
        parts.append(text[literal_from:])
    return TextTemplate(tuple(parts))


def json_parts(text: str) -> Iterator[tuple[str | Reference | EnvMarker, bool]]:
    """Yield the parts of a JSON text, each with whether it begins within a string."""
    in_string = False
    for part in parse_text(text).parts:
        yield part, in_string
        if isinstance(part, str):
            in_string ^= sum(mark[0] == '"' for mark in _STRING_MARKS.finditer(part)) % 2 == 1


def part_of(match: re.Match[str]) -> Reference | EnvMarker | None:
    """Return the part that a match of `MARKER` is, None for angle brackets that only look like a reference."""
    if (name := match["env"]) is not None:
        return EnvMarker(match[0], name)
    inner = match["reference"]
    if not is_reference(inner):
        return None
    root, path = parse_path(inner)
    return Reference(match[0], root, path)


def is_environment_name(name: str) -> bool:
    """Return whether an environment value may have this name."""
    return _ENVIRONMENT_NAME.fullmatch(name) is not None


def is_reference(inner: str) -> bool:
    """Return whether text between angle brackets is a reference, not a comparison or a tag with attributes."""
    if not inner or inner.startswith(" "):
        return False
    before, dot, after = inner.partition(".")
    if _OPERATORS.search(before) or _OPERATORS.search(after):
        return False
    if dot:
        return " " not in after
    return not inner.isdigit() and not re.search(r"\s\d", inner)


def parse_path(inner: str) -> tuple[str, Path]:
    """Parse `start.items[0].name` to (`start`, (`items`, 0, `name`)). `.0` is an index like `[0]`.

    Brackets before the first dot belong to the name: an output is an object and cannot be indexed.
    """
    root, _, rest = inner.partition(".")
    return root, tuple(_steps(rest))


def parse_steps(text: str) -> Path:
    """Parse a path without a root: `items[0].name` to (`items`, 0, `name`); empty text is the whole value."""
    return tuple(_steps(text))


def _steps(text: str) -> Iterator[PathKey]:
    for part in text.split(".") if text else ():
        match = _INDEXES.fullmatch(part)
        if match is None:
            yield part
            continue
        if match["key"]:
            yield _step(match["key"])
        yield from (_step(index) for index in re.findall(r"[0-9]+", match["indexes"]))


def _step(text: str) -> PathKey:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MAX_INDEX_DIGITS else text


def texts(value: Json) -> Iterator[str]:
    """Yield every text inside a value, at any depth: these may hold references."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, list):
            pending.extend(reversed(item))
        elif isinstance(item, dict):
            pending.extend(reversed(item.values()))


def fill_environment(value: Json, environment: Mapping[str, str]) -> Json:
    """Fill environment values into all texts of a value; a name without a value stays as typed."""
    if isinstance(value, str):
        parts = parse_text(value).parts if environment and "{{" in value else (value,)
        return "".join(part if isinstance(part, str) else _environment_value(part, environment) for part in parts)
    if isinstance(value, list):
        return [fill_environment(item, environment) for item in value]
    if isinstance(value, dict):
        return {key: fill_environment(item, environment) for key, item in value.items()}
    return value


def _environment_value(part: Reference | EnvMarker, environment: Mapping[str, str]) -> str:
    return environment.get(part.name, part.raw) if isinstance(part, EnvMarker) else part.raw
