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

from shared.workflow.compile.code_parser import COMMENTS, Language, SyntaxNode


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


class Placeholder(NamedTuple):
    """A candidate in the parsed text, with blanks next to adjacent letters."""

    start: int
    end: int
    name: str
    """Prefix of its variables' names."""
    raw: str
    """The candidate as typed."""
    is_environment: bool


class Classification(NamedTuple):
    """A candidate's kind, and its variable's content."""

    kind: Kind
    use: Use = Use.VALUE


class Edit(NamedTuple):
    """A replacement in the parsed text."""

    start: int
    end: int
    text: str


class ClassifiedReference(NamedTuple):
    """A candidate, its syntax node and classification."""

    placeholder: Placeholder
    syntax: SyntaxNode
    classification: Classification


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


def classify(source: bytes, placeholder: Placeholder, syntax: SyntaxNode, language: Language) -> Classification:
    """Return the classification of the candidate at a syntax node."""
    context = syntax.context
    if context is not None and context.type in COMMENTS:
        return Classification(Kind.COMMENT)
    if syntax.is_pattern:
        return Classification(Kind.UNDECIDED)
    if language is Language.PYTHON and context is not None and _is_statement(context):
        return Classification(Kind.SYNTAX)
    if context is None:
        return Classification(Kind.SYNTAX if _is_field_in_braces(source, placeholder, syntax) else Kind.REFERENCE)
    if language is Language.PYTHON:
        return _in_python(source, placeholder, context)
    return _in_javascript(source, placeholder, context)


def edits(source: bytes, found: Sequence[ClassifiedReference], language: Language) -> Iterator[Edit]:
    """Yield the edits that make the parsed text a program. None overlap.

    In code, the placeholders are the variables. Only `{<a.b>}` gets a key: the reference as typed.
    """
    literals: dict[int, tuple[SyntaxNode, list[tuple[Placeholder, Use]]]] = {}
    for placeholder, syntax, (kind, use) in found:
        if syntax.type == "shorthand_property_identifier":
            yield Edit(placeholder.start, placeholder.start, f"{json.dumps(placeholder.raw, ensure_ascii=False)}:")
        if kind is Kind.REFERENCE and syntax.context is not None:
            literals.setdefault(syntax.context.start, (syntax.context, []))[1].append((placeholder, use))
    for syntax, placeholders in literals.values():
        if language is Language.PYTHON:
            yield from _python_literal(source, syntax, placeholders)
        elif syntax.type == "template_string":
            yield from _template(source, syntax, placeholders)
        elif syntax.type == "string":
            yield from _javascript_string(source, syntax, placeholders)
        else:
            yield _regex(source, syntax, placeholders)
    if language is Language.PYTHON:
        yield from _join_bytes(source, [syntax for syntax, _ in literals.values()])


def _in_javascript(source: bytes, placeholder: Placeholder, context: SyntaxNode) -> Classification:
    if context.type == "template_string":
        is_opening = placeholder.is_environment and source[placeholder.start - 1 : placeholder.start] == b"$"
        is_syntax = is_opening and not _is_escaped(source, placeholder.start - 1, context.start)
        return Classification(Kind.SYNTAX) if is_syntax else Classification(Kind.REFERENCE, Use.TEXT)
    if context.type != "regex":
        return Classification(Kind.REFERENCE, Use.TEXT)
    if source[placeholder.start - 2 : placeholder.start] in (b"(?", rb"\k"):
        return Classification(Kind.SYNTAX)
    opening = source.rfind(b"{", max(context.start, placeholder.start - _LONGEST_REPETITION), placeholder.start)
    is_count = opening >= 0 and _REPETITION.fullmatch(_PLACEHOLDER.sub(b"1", source[opening : placeholder.start]))
    return Classification(Kind.REFERENCE, Use.COUNT if is_count else Use.PATTERN)


def _javascript_string(
    source: bytes, syntax: SyntaxNode, placeholders: Sequence[tuple[Placeholder, Use]]
) -> Iterator[Edit]:
    """Turn `"a<x>b"` into `"a".concat(x,"b")`: it still begins with a string, so no line joins the one above it."""
    quote, floor, opening = chr(source[syntax.start]), syntax.start, ".concat("
    for placeholder, use in placeholders:
        start = placeholder.start - _is_escaped(source, placeholder.start, floor)
        yield Edit(start, placeholder.end, f"{quote}{opening}{identifier(placeholder.name, use)},{quote}")
        floor, opening = placeholder.end, ","
    parent = syntax.parent
    if parent is None or (parent.type, syntax.field) not in _KEYS:
        yield Edit(syntax.end, syntax.end, ")")
        return
    is_first = parent.start == syntax.start and parent.parent is not None and parent.parent.type == "class_body"
    yield Edit(syntax.start, syntax.start, ";[" if is_first and not parent.follows_bare_field else "[")
    yield Edit(syntax.end, syntax.end, ")]")


def _template(source: bytes, syntax: SyntaxNode, placeholders: Sequence[tuple[Placeholder, Use]]) -> Iterator[Edit]:
    """Turn `a<x>` into `a${x}`. A tag sees a backslash before it as text; elsewhere it has no effect."""
    is_tagged = syntax.parent is not None and syntax.parent.type == "call_expression"
    floor = syntax.start
    for placeholder, use in placeholders:
        is_escaped = _is_escaped(source, placeholder.start, floor)
        backslash = '${"\\\\"}' if is_escaped and is_tagged else ""
        yield Edit(
            placeholder.start - is_escaped, placeholder.end, f"{backslash}${{{identifier(placeholder.name, use)}}}"
        )
        floor = placeholder.end


def _regex(source: bytes, syntax: SyntaxNode, placeholders: Sequence[tuple[Placeholder, Use]]) -> Edit:
    """Turn `/a<x>/g` into a call of its constructor, which the author cannot have redefined."""
    slash = source.rindex(b"/", syntax.start, syntax.end)
    parts, floor = [], syntax.start + 1
    for placeholder, use in placeholders:
        parts.append(_quote(source[floor : placeholder.start - _is_escaped(source, placeholder.start, floor)]))
        parts.append(identifier(placeholder.name, use))
        floor = placeholder.end
    parts.append(_quote(source[floor:slash]))
    flags = source[slash + 1 : syntax.end].decode(errors="surrogatepass")
    lines = "\n" * source.count(b"\n", syntax.start, syntax.end)  # not valid, but the parser accepts them
    return Edit(syntax.start, syntax.end, f' new(/./.constructor)({"+".join(parts)},"{flags}"){lines}')


def _quote(text: bytes) -> str:
    return json.dumps(text.decode(errors="surrogatepass"), ensure_ascii=False)


def _is_statement(literal: SyntaxNode) -> bool:
    """Return whether a string is a whole statement: a docstring, which must be a literal."""
    parent = literal.parent
    if parent is not None and parent.type == "concatenated_string":
        parent = parent.parent
    return literal.type == "string" and parent is not None and parent.type == "expression_statement"


def _in_python(source: bytes, placeholder: Placeholder, context: SyntaxNode) -> Classification:
    if context.type == "format_specifier":
        return Classification(Kind.REFERENCE, Use.PLAIN)
    prefix, _ = _python_quotes(source, context)
    if "b" in prefix.lower():
        return Classification(Kind.REFERENCE, Use.BYTES)
    if placeholder.is_environment and context.type == "string" and _is_formatted(prefix):
        braces = _run_before(source, placeholder.start, context.start, ord("{"))
        if braces % 2:
            return Classification(Kind.SYNTAX)
    return Classification(Kind.REFERENCE, Use.TEXT)


def _is_field_in_braces(source: bytes, placeholder: Placeholder, syntax: SyntaxNode) -> bool:
    """Return whether `{{{name}}}` in an f-string was parsed as a field with a marker in it."""
    field = syntax if syntax.type == "interpolation" else syntax.parent
    is_whole = field is not None and (field.start, field.end) == (placeholder.start - 1, placeholder.end + 1)
    return placeholder.is_environment and is_whole and source[placeholder.start - 1 : placeholder.start] == b"{"


def _python_literal(
    source: bytes, syntax: SyntaxNode, placeholders: Sequence[tuple[Placeholder, Use]]
) -> Iterator[Edit]:
    prefix, quote = _python_quotes(source, syntax)
    if syntax.type == "format_specifier":
        for placeholder, use in placeholders:
            yield Edit(placeholder.start, placeholder.end, f"{{{identifier(placeholder.name, use)}}}")
    elif "b" in prefix.lower():
        yield from _python_bytes(source, syntax, placeholders, prefix, quote)
    else:
        yield from _python_text(source, syntax, placeholders, prefix, quote)


def _python_text(
    source: bytes, syntax: SyntaxNode, placeholders: Sequence[tuple[Placeholder, Use]], prefix: str, quote: str
) -> Iterator[Edit]:
    """Turn a string into an f-string, valid at the same position, even next to other strings."""
    is_raw, is_formatted = "r" in prefix.lower(), _is_formatted(prefix)
    if not is_formatted:
        blank = " " if _WORD_END.match(source[max(syntax.start - 1, 0) : syntax.start]) else ""
        yield Edit(syntax.start, syntax.start + len(prefix), f"{blank}f{prefix.strip('uU')}")
    floor = syntax.start + len(prefix) + len(quote)
    for placeholder, use in placeholders:
        if not is_formatted:
            yield from _double_braces(source, floor, placeholder.start, is_raw=is_raw)
        # A backslash before a field's brace is still text, but Python warns of it.
        backslash = "" if is_raw or not _is_escaped(source, placeholder.start, floor) else "\\"
        yield Edit(placeholder.start, placeholder.end, f"{backslash}{{{identifier(placeholder.name, use)}}}")
        floor = placeholder.end
    if not is_formatted:
        yield from _double_braces(source, floor, syntax.end - len(quote), is_raw=is_raw)


def _double_braces(source: bytes, start: int, end: int, *, is_raw: bool) -> Iterator[Edit]:
    for match in (_BRACES_OF_RAW if is_raw else _BRACES).finditer(source, start, end):
        if len(match[0]) == 1:
            yield Edit(*match.span(), 2 * match[0].decode())


def _python_bytes(
    source: bytes, syntax: SyntaxNode, placeholders: Sequence[tuple[Placeholder, Use]], prefix: str, quote: str
) -> Iterator[Edit]:
    """Turn `b"a<x>b"` into `b"a"+bytes(x)+b"b"`. No piece may split an escape: a backslash is a piece alone."""
    floor = syntax.start
    for placeholder, use in placeholders:
        is_escaped = _is_escaped(source, placeholder.start, floor)
        backslash = "bytes((92,))+" if is_escaped else ""
        name = identifier(placeholder.name, use)
        yield Edit(placeholder.start - is_escaped, placeholder.end, f"{quote}+{backslash}bytes({name})+{prefix}{quote}")
        floor = placeholder.end


def _join_bytes(source: bytes, literals: Sequence[SyntaxNode]) -> Iterator[Edit]:
    """Parenthesize bytes literals that became sums, and add a `+` between adjacent ones."""
    wholes: dict[int, SyntaxNode] = {}
    for syntax in literals:
        if syntax.type == "string" and "b" in _python_quotes(source, syntax)[0].lower():
            is_part = syntax.parent is not None and syntax.parent.type == "concatenated_string"
            whole = syntax.parent if is_part and syntax.parent is not None else syntax
            wholes[whole.start] = whole
    for whole in wholes.values():
        yield Edit(whole.start, whole.start, "(")
        yield Edit(whole.end, whole.end, ")")
        if whole.type == "concatenated_string":
            for part in whole.node.named_children[1:]:
                if part.type == "string":
                    yield Edit(part.start_byte, part.start_byte, "+")


def _python_quotes(source: bytes, syntax: SyntaxNode) -> tuple[str, str]:
    """Return the prefix and the quotes of the string around a node."""
    while syntax.type != "string" and syntax.parent is not None:
        syntax = syntax.parent
    match = _PYTHON_LITERAL.match(source, syntax.start)
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
