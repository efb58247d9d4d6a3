"""Rewrite programs so that every reference is a variable, at any position in the author's source.

The program depends on the source alone: values are never written into it. A string, template or regular expression with
references becomes an expression that builds it from its literal pieces and variables. Line breaks stay in place.
"""

import json
import re
import secrets
from collections.abc import Hashable, Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from shared.workflow.compile.code_parser import COMMENTS, Language, Place


class Use(StrEnum):
    """The content of a reference's variable."""

    VALUE = "value"
    TEXT = "text"
    """The value's text in a string."""
    BYTES = "bytes"
    """The same text as a list of UTF-8 bytes, for Python's bytes literals."""
    PATTERN = "pattern"
    """A regular expression that matches the text."""
    COUNT = "count"
    """Digits for a repetition in a regular expression: `{<start.n>}`. Any other text is a pattern."""
    PLAIN = "plain"
    """The text without quotes, for a format specifier of Python: `{x:<start.format>}`."""


class Kind(StrEnum):
    """Classification of a candidate."""

    REFERENCE = "reference"
    COMMENT = "comment"
    SYNTAX = "syntax"
    """Syntax of the language that looks like a reference: `${{name}}` in a template, `(?<name>` in a pattern."""
    UNDECIDED = "undecided"


class Hole(NamedTuple):
    """A candidate in the parsed text: a placeholder, with blanks next to adjacent letters."""

    start: int
    end: int
    name: str
    """Prefix of its variables' names."""
    raw: str
    """The candidate as typed."""
    is_environment: bool


class Verdict(NamedTuple):
    """A candidate's kind, and its variable's content."""

    kind: Kind
    use: Use = Use.VALUE


class Edit(NamedTuple):
    """A replacement in the parsed text."""

    start: int
    end: int
    text: str


class Found(NamedTuple):
    """A candidate, its position and verdict."""

    hole: Hole
    place: Place
    verdict: Verdict


_PYTHON_LITERAL: Final = re.compile(rb"(?P<prefix>[A-Za-z]*)(?P<quote>\"\"\"|'''|\"|')")
_BRACES: Final = re.compile(rb"\\N\{[^{}]*\}|\\[^{}]|[{}]", re.DOTALL)
_BRACES_OF_RAW: Final = re.compile(rb"[{}]")
_WORD_END: Final = re.compile(rb"[\w$\x80-\xff]", re.ASCII)
_REPETITION: Final = re.compile(rb"\{[0-9]{0,9}(?:,[0-9]{0,9})?")
_LONGEST_REPETITION: Final = 256
_PLACEHOLDER: Final = re.compile(rb" ?__flowport_[0-9a-f]{16}_[0-9]+__ ?")
VARIABLE: Final = re.compile(r"__flowport_[0-9a-f]{16}_[0-9]+(?:_[a-z]+)?__")
"""Variable names of all programs."""
_KEYS: Final = frozenset(
    {("pair", "key"), ("pair_pattern", "key"), ("method_definition", "name"), ("field_definition", "property")}
)


class Names:
    """Variable names for pieces of code that run together.

    They are random, so that neither code nor a value can redefine a variable, as `with` and `globals().update` could.
    """

    def __init__(self, sources: Iterable[str]) -> None:
        sources = tuple(sources)
        self._prefix = _random_prefix()
        while any(self._prefix in source for source in sources):
            self._prefix = _random_prefix()
        self._numbers: dict[Hashable, int] = {}

    def name(self, key: Hashable) -> str:
        """Return the name prefix of a reference's variables."""
        return f"{self._prefix}{self._numbers.setdefault(key, len(self._numbers))}"


def _random_prefix() -> str:
    return f"__flowport_{secrets.token_hex(8)}_"


def identifier(name: str, use: Use = Use.VALUE) -> str:
    """Return the name of a variable.

    Its ending equals its start: in a class, Python prefixes the class name to names that only begin so.
    """
    return f"{name}__" if use is Use.VALUE else f"{name}_{use}__"


def verdict(source: bytes, hole: Hole, place: Place, language: Language) -> Verdict:
    """Return the verdict on the candidate at a place."""
    context = place.context
    if context is not None and context.type in COMMENTS:
        return Verdict(Kind.COMMENT)
    if place.is_pattern:
        return Verdict(Kind.UNDECIDED)
    if language is Language.PYTHON and context is not None and _is_statement(context):
        return Verdict(Kind.SYNTAX)
    if context is None:
        return Verdict(Kind.SYNTAX if _is_field_in_braces(source, hole, place) else Kind.REFERENCE)
    if language is Language.PYTHON:
        return _in_python(source, hole, context)
    return _in_javascript(source, hole, context)


def edits(source: bytes, found: Sequence[Found], language: Language) -> Iterator[Edit]:
    """Yield the edits that make the parsed text a program. None overlap.

    In code, the placeholders are the variables. Only `{<a.b>}` gets a key: the reference as typed.
    """
    literals: dict[int, tuple[Place, list[tuple[Hole, Use]]]] = {}
    for hole, place, (kind, use) in found:
        if place.type == "shorthand_property_identifier":
            yield Edit(hole.start, hole.start, f"{json.dumps(hole.raw, ensure_ascii=False)}:")
        if kind is Kind.REFERENCE and place.context is not None:
            literals.setdefault(place.context.start, (place.context, []))[1].append((hole, use))
    for place, holes in literals.values():
        if language is Language.PYTHON:
            yield from _python_literal(source, place, holes)
        elif place.type == "template_string":
            yield from _template(source, place, holes)
        elif place.type == "string":
            yield from _javascript_string(source, place, holes)
        else:
            yield _regex(source, place, holes)
    if language is Language.PYTHON:
        yield from _joined_bytes(source, [place for place, _ in literals.values()])


def _in_javascript(source: bytes, hole: Hole, context: Place) -> Verdict:
    if context.type == "template_string":
        is_opening = hole.is_environment and source[hole.start - 1 : hole.start] == b"$"
        is_syntax = is_opening and not _is_escaped(source, hole.start - 1, context.start)
        return Verdict(Kind.SYNTAX) if is_syntax else Verdict(Kind.REFERENCE, Use.TEXT)
    if context.type != "regex":
        return Verdict(Kind.REFERENCE, Use.TEXT)
    if source[hole.start - 2 : hole.start] in (b"(?", rb"\k"):
        return Verdict(Kind.SYNTAX)
    opening = source.rfind(b"{", max(context.start, hole.start - _LONGEST_REPETITION), hole.start)
    is_count = opening >= 0 and _REPETITION.fullmatch(_PLACEHOLDER.sub(b"1", source[opening : hole.start]))
    return Verdict(Kind.REFERENCE, Use.COUNT if is_count else Use.PATTERN)


def _javascript_string(source: bytes, place: Place, holes: Sequence[tuple[Hole, Use]]) -> Iterator[Edit]:
    """Turn `"a<x>b"` into `"a".concat(x,"b")`: it still begins with a string, so no line joins the one above it."""
    quote, floor, opening = chr(source[place.start]), place.start, ".concat("
    for hole, use in holes:
        start = hole.start - _is_escaped(source, hole.start, floor)
        yield Edit(start, hole.end, f"{quote}{opening}{identifier(hole.name, use)},{quote}")
        floor, opening = hole.end, ","
    parent = place.parent
    if parent is None or (parent.type, place.field) not in _KEYS:
        yield Edit(place.end, place.end, ")")
        return
    is_first = parent.start == place.start and parent.parent is not None and parent.parent.type == "class_body"
    yield Edit(place.start, place.start, ";[" if is_first and not parent.follows_bare_field else "[")
    yield Edit(place.end, place.end, ")]")


def _template(source: bytes, place: Place, holes: Sequence[tuple[Hole, Use]]) -> Iterator[Edit]:
    """Turn `a<x>` into `a${x}`. A tag sees a backslash before it as text; elsewhere it has no effect."""
    is_tagged = place.parent is not None and place.parent.type == "call_expression"
    floor = place.start
    for hole, use in holes:
        is_escaped = _is_escaped(source, hole.start, floor)
        backslash = '${"\\\\"}' if is_escaped and is_tagged else ""
        yield Edit(hole.start - is_escaped, hole.end, f"{backslash}${{{identifier(hole.name, use)}}}")
        floor = hole.end


def _regex(source: bytes, place: Place, holes: Sequence[tuple[Hole, Use]]) -> Edit:
    """Turn `/a<x>/g` into a call of its constructor, which the author cannot have redefined."""
    slash = source.rindex(b"/", place.start, place.end)
    parts, floor = [], place.start + 1
    for hole, use in holes:
        parts.append(_quoted(source[floor : hole.start - _is_escaped(source, hole.start, floor)]))
        parts.append(identifier(hole.name, use))
        floor = hole.end
    parts.append(_quoted(source[floor:slash]))
    flags = source[slash + 1 : place.end].decode(errors="surrogatepass")
    return Edit(place.start, place.end, f' new(/./.constructor)({"+".join(parts)},"{flags}")')


def _quoted(text: bytes) -> str:
    return json.dumps(text.decode(errors="surrogatepass"), ensure_ascii=False)


def _is_statement(literal: Place) -> bool:
    """Return whether a string is a whole statement: a docstring, which must be a literal."""
    parent = literal.parent
    if parent is not None and parent.type == "concatenated_string":
        parent = parent.parent
    return literal.type == "string" and parent is not None and parent.type == "expression_statement"


def _in_python(source: bytes, hole: Hole, context: Place) -> Verdict:
    if context.type == "format_specifier":
        return Verdict(Kind.REFERENCE, Use.PLAIN)
    prefix, _ = _python_quotes(source, context)
    if "b" in prefix.lower():
        return Verdict(Kind.REFERENCE, Use.BYTES)
    if hole.is_environment and context.type == "string" and _is_formatted(prefix):
        braces = _run_before(source, hole.start, context.start, ord("{"))
        if braces % 2:
            return Verdict(Kind.SYNTAX)
    return Verdict(Kind.REFERENCE, Use.TEXT)


def _is_field_in_braces(source: bytes, hole: Hole, place: Place) -> bool:
    """Return whether `{{{name}}}` in an f-string was parsed as a field with a marker in it."""
    field = place if place.type == "interpolation" else place.parent
    is_whole = field is not None and (field.start, field.end) == (hole.start - 1, hole.end + 1)
    return hole.is_environment and is_whole and source[hole.start - 1 : hole.start] == b"{"


def _python_literal(source: bytes, place: Place, holes: Sequence[tuple[Hole, Use]]) -> Iterator[Edit]:
    prefix, quote = _python_quotes(source, place)
    if place.type == "format_specifier":
        for hole, use in holes:
            yield Edit(hole.start, hole.end, f"{{{identifier(hole.name, use)}}}")
    elif "b" in prefix.lower():
        yield from _python_bytes(source, place, holes, prefix, quote)
    else:
        yield from _python_text(source, place, holes, prefix, quote)


def _python_text(
    source: bytes, place: Place, holes: Sequence[tuple[Hole, Use]], prefix: str, quote: str
) -> Iterator[Edit]:
    """Turn a string into an f-string, valid at the same position, even next to other strings."""
    is_raw, is_formatted = "r" in prefix.lower(), _is_formatted(prefix)
    if not is_formatted:
        blank = " " if _WORD_END.match(source[max(place.start - 1, 0) : place.start]) else ""
        yield Edit(place.start, place.start + len(prefix), f"{blank}f{prefix.strip('uU')}")
    floor = place.start + len(prefix) + len(quote)
    for hole, use in holes:
        if not is_formatted:
            yield from _doubled_braces(source, floor, hole.start, is_raw=is_raw)
        # A backslash before a field's brace is still text, but Python warns of it.
        backslash = "" if is_raw or not _is_escaped(source, hole.start, floor) else "\\"
        yield Edit(hole.start, hole.end, f"{backslash}{{{identifier(hole.name, use)}}}")
        floor = hole.end
    if not is_formatted:
        yield from _doubled_braces(source, floor, place.end - len(quote), is_raw=is_raw)


def _doubled_braces(source: bytes, start: int, end: int, *, is_raw: bool) -> Iterator[Edit]:
    for match in (_BRACES_OF_RAW if is_raw else _BRACES).finditer(source, start, end):
        if len(match[0]) == 1:
            yield Edit(*match.span(), 2 * match[0].decode())


def _python_bytes(
    source: bytes, place: Place, holes: Sequence[tuple[Hole, Use]], prefix: str, quote: str
) -> Iterator[Edit]:
    """Turn `b"a<x>b"` into `b"a"+bytes(x)+b"b"`. No piece may split an escape: a backslash is a piece alone."""
    floor = place.start
    for hole, use in holes:
        is_escaped = _is_escaped(source, hole.start, floor)
        backslash = "bytes((92,))+" if is_escaped else ""
        name = identifier(hole.name, use)
        yield Edit(hole.start - is_escaped, hole.end, f"{quote}+{backslash}bytes({name})+{prefix}{quote}")
        floor = hole.end


def _joined_bytes(source: bytes, literals: Sequence[Place]) -> Iterator[Edit]:
    """Parenthesize bytes literals that became sums, and add a `+` between adjacent ones."""
    wholes: dict[int, Place] = {}
    for place in literals:
        if place.type == "string" and "b" in _python_quotes(source, place)[0].lower():
            is_part = place.parent is not None and place.parent.type == "concatenated_string"
            whole = place.parent if is_part and place.parent is not None else place
            wholes[whole.start] = whole
    for whole in wholes.values():
        yield Edit(whole.start, whole.start, "(")
        yield Edit(whole.end, whole.end, ")")
        if whole.type == "concatenated_string":
            for part in whole.node.named_children[1:]:
                if part.type == "string":
                    yield Edit(part.start_byte, part.start_byte, "+")


def _python_quotes(source: bytes, place: Place) -> tuple[str, str]:
    """Return the prefix and the quotes of the string around a place."""
    while place.type != "string" and place.parent is not None:
        place = place.parent
    match = _PYTHON_LITERAL.match(source, place.start)
    return (match["prefix"].decode(), match["quote"].decode()) if match else ("", "")


def _is_formatted(prefix: str) -> bool:
    return not {"f", "t"}.isdisjoint(prefix.lower())


def _is_escaped(source: bytes, position: int, floor: int) -> bool:
    """Return whether an unescaped backslash precedes a position."""
    return _run_before(source, position, floor, ord("\\")) % 2 == 1


def _run_before(source: bytes, position: int, floor: int, byte: int) -> int:
    start = position
    while start > floor and source[start - 1] == byte:
        start -= 1
    return position - start
