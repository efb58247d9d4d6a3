"""References and environment markers in source code, each with the place where it stands.

In code a mark becomes a variable; inside a string its text is spliced in. Neither may change the number of lines, so
that errors name the author's own lines.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

import msgspec

from shared.workflow.code_lexing import Language, Place, Span, StringLiteral, code_mark, spans
from shared.workflow.references import EnvMarker, Reference, part_of

_LINE_ENDS: Final = {"\n": r"\n", "\r": r"\r", "\u2028": r"\u2028", "\u2029": r"\u2029", "\0": r"\x00"}
_LINE_END: Final = re.compile(r"[\n\r\u2028\u2029\0]")
_REGEX_SYNTAX: Final = re.compile(r"[\\/^$.*+?()\[\]{}|]")


class CodeMark(msgspec.Struct, frozen=True):
    """One reference or environment marker in source."""

    part: Reference | EnvMarker
    place: Place
    literal: StringLiteral | None = None
    """The string that the mark stands in, for `Place.STRING`."""

    @property
    def raw(self) -> str:
        """The text as typed."""
        return self.part.raw

    def spliced(self, text: str) -> str:
        """What to write in the mark's place so that its string contains `text`, or its regular expression matches it.

        One line, whatever the text. In code and comments that is the text itself.
        """
        if self.literal is not None:
            return _in_python(text, self.literal) if self.literal.language is Language.PYTHON else _in_js(text)
        return _escaped(_REGEX_SYNTAX.sub(r"\\\g<0>", text)) if self.place is Place.REGEX else text


CodePart: TypeAlias = str | CodeMark


class CodeTemplate(msgspec.Struct, frozen=True):
    """Source cut into literal parts and marks."""

    parts: tuple[CodePart, ...]
    language: Language

    @property
    def source(self) -> str:
        """The source that was parsed."""
        return self.render(lambda mark: mark.raw)

    @property
    def marks(self) -> tuple[CodeMark, ...]:
        """The marks, in order."""
        return tuple(part for part in self.parts if isinstance(part, CodeMark))

    def render(self, replacement: Callable[[CodeMark], str]) -> str:
        """The source with each mark replaced."""
        return "".join(part if isinstance(part, str) else replacement(part) for part in self.parts)


def parse_code(
    source: str, language: Language = Language.JAVASCRIPT, *, odd_names: tuple[str, ...] = ()
) -> CodeTemplate:
    """Find every mark of a source. The parts, joined again, are always the source.

    `odd_names` are the block names with syntax in them that count as names all the same.
    """
    parts: list[CodePart] = []
    literal_from = 0
    for start, end, mark in _marks(source, language, code_mark(odd_names)):
        if start > literal_from:
            parts.append(source[literal_from:start])
        parts.append(mark)
        literal_from = end
    if literal_from < len(source):
        parts.append(source[literal_from:])
    return CodeTemplate(tuple(parts), language)


def _marks(source: str, language: Language, pattern: re.Pattern[str]) -> Iterator[tuple[int, int, CodeMark]]:
    if "<" not in source and "{{" not in source:
        return
    for span in _merged(spans(source, language, pattern)):
        position = span.start
        while match := pattern.search(source, position, span.end):
            part = part_of(match)
            position = match.end() if part else match.start() + 1
            if part:
                yield match.start(), match.end(), CodeMark(part, span.place, span.literal)


def _merged(found: Iterator[Span]) -> Iterator[Span]:
    """Neighbouring code as one span: a mark in code is several tokens for a language."""
    pending: Span | None = None
    for span in found:
        if pending and pending.place is span.place is Place.CODE:
            pending = Span(pending.start, span.end, Place.CODE)
            continue
        if pending:
            yield pending
        pending = span
    if pending:
        yield pending


def _escaped(text: str) -> str:
    return _LINE_END.sub(lambda found: _LINE_ENDS[found.group()], text)


def _in_js(text: str) -> str:
    return _escaped(re.sub(r"[\\'\"`]|\$(?=\{)", r"\\\g<0>", text))


def _in_python(text: str, literal: StringLiteral) -> str:
    plain = _escaped(re.sub(r"[\\'\"]", r"\\\g<0>", text))
    if "r" in literal.prefix:
        # Raw strings know no escapes: end the literal, put an ordinary one beside it, begin again.
        return f'{literal.delimiter} "{plain}" {literal.prefix}{literal.delimiter}'
    return plain.replace("{", "{{").replace("}", "}}") if "f" in literal.prefix else plain
