"""Where strings, comments and regular expressions lie in JavaScript and Python source.

Not a parser: code that is not valid is cut somehow, never refused. The spans always cover the source, in order.
"""

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

from shared.workflow.references import is_reference


class Language(StrEnum):
    """The languages whose source can be read."""

    JAVASCRIPT = "javascript"
    PYTHON = "python"


class Place(StrEnum):
    """What a piece of source is."""

    CODE = "code"
    STRING = "string"
    COMMENT = "comment"
    REGEX = "regex"


class StringLiteral(NamedTuple):
    """How a string began: Python's prefix in lower case (empty in JavaScript), and what ends it."""

    language: Language
    prefix: str
    delimiter: str


class Span(NamedTuple):
    """A piece of source. `literal` is set for strings."""

    start: int
    end: int
    place: Place
    literal: StringLiteral | None = None


_PLAIN: Final = r"[^<>\n\r'\"`;{}]"
_SYNTAX: Final = re.compile(r"['\"`;{}]")
_ENVIRONMENT: Final = r"\{\{(?P<env>[^{}<>\n\r'\"`;]+)\}\}"


def odd_names(names: Iterable[str]) -> tuple[str, ...]:
    """Those names of blocks that have quotes or other syntax in them: code refers to them by the whole name only."""
    return tuple(sorted((name for name in names if _SYNTAX.search(name)), key=len, reverse=True))


@lru_cache(maxsize=64)
def code_mark(odd: tuple[str, ...] = ()) -> re.Pattern[str]:
    """Like `references.MARKER`, but within one line and without quotes: a comparison must not swallow a string.

    But for those in the names of blocks, `odd`.
    """
    named = rf"(?i:{'|'.join(map(_as_typed, odd))}){_PLAIN}*|" if odd else ""
    return re.compile(rf"<(?P<reference>{named}{_PLAIN}+)>|{_ENVIRONMENT}")


_JS_TOKEN: Final = re.compile(
    r"(?P<comment>//[^\n]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/)?)"
    r"|(?P<string>(?P<quote>['\"])(?:\\(?:\r\n|[\s\S])?|(?!(?P=quote))[^\\\n])*+(?P=quote)?)"
    r"|(?P<template>`)"
    r"|(?P<word>[\w$]++)"
    r"|(?P<space>\s++)"
    r"|(?P<open>\{)|(?P<close>\})"
    r"|(?P<other>[\s\S])"
)
_JS_REGEX: Final = re.compile(
    # Bounded, so that a line of unclosed brackets is not read to its end again and again.
    r"(?P<regex>/(?![/*])(?:\\[^\n]|\[(?:\\[^\n]|[^\]\\\n]){0,500}+\]|[^/\\\[\n]){1,500}+/\w*+)"
)
_JS_TEMPLATE: Final = re.compile(r"(?:\\[\s\S]?|\$(?!\{)|[^\\`$])*+(?P<end>`|\$\{)?")
_JS_BRACES: Final = {"open": 1, "close": -1}
_BACKTICK: Final = StringLiteral(Language.JAVASCRIPT, "", "`")
_BEFORE_REGEX: Final = frozenset(
    {"return", "typeof", "case", "in", "of", "delete", "void", "throw", "new", "else", "do", "instanceof", "yield"}
    | {"await", ""}
)
_A_VALUE: Final = "0"

_PY_TOKEN: Final = re.compile(
    r"(?P<comment>#[^\n]*+)"
    r"|(?P<string>(?P<prefix>(?i:rb|br|rf|fr|[rbuf])?)(?P<quote>\"\"\"|\'\'\'|['\"]))"
    r"|(?P<word>\w++)"
    r"|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<colon>:)"
    r"|(?P<other>[^\S\n]++|[\s\S])"
)
_PY_BRACKETS: Final = {"open": 1, "close": -1, "colon": 0}


def _as_typed(name: str) -> str:
    """A pattern for a name in normal form: authors type it with capitals and blanks, too."""
    return r"[^\S\r\n]*".join(map(re.escape, name))


def spans(source: str, language: Language, mark: re.Pattern[str] | None = None) -> Iterator[Span]:
    """Cut source into code, strings, comments and regular expressions. `mark` is what references look like."""
    mark = mark or code_mark()
    return _javascript(source, mark) if language is Language.JAVASCRIPT else _python(source, mark)


def _javascript(source: str, mark: re.Pattern[str]) -> Iterator[Span]:
    position, previous = 0, ""
    depths: list[int] = []  # of braces, one for each `${` that is open
    while position < len(source):
        token = _js_token(source, position, previous, mark)
        kind, end = token.lastgroup, token.end()
        if kind == "close" and depths and depths[-1] == 0:
            depths.pop()
            kind = "template"
        if kind == "template":
            yield Span(position, end, Place.CODE)
            body = _at(_JS_TEMPLATE, source, end)
            yield Span(end, body.end(), Place.STRING, _BACKTICK)
            end = body.end()
            if opens := body["end"] == "${":
                depths.append(0)
            previous = "" if opens else _A_VALUE
        else:
            yield _js_span(token)
            previous = _js_significant(token) or previous
            if depths:
                depths[-1] += _JS_BRACES.get(kind or "", 0)
        position = end


def _js_token(source: str, position: int, previous: str, mark: re.Pattern[str]) -> re.Match[str]:
    marked = _mark(source, position, mark)
    regex = _JS_REGEX.match(source, position) if previous in _BEFORE_REGEX or _is_operator(previous) else None
    return marked or regex or _at(_JS_TOKEN, source, position)


def _js_span(token: re.Match[str]) -> Span:
    match token.lastgroup:
        case "string":
            return Span(*token.span(), Place.STRING, StringLiteral(Language.JAVASCRIPT, "", token["quote"]))
        case "comment":
            return Span(*token.span(), Place.COMMENT)
        case "regex":
            return Span(*token.span(), Place.REGEX)
        case _:
            return Span(*token.span(), Place.CODE)


def _js_significant(token: re.Match[str]) -> str:
    """What the token means for a slash after it; empty for what a slash does not see."""
    if token.lastgroup in ("space", "comment"):
        return ""
    return token[0] if token.lastgroup in ("word", "open", "close", "other") else _A_VALUE


def _is_operator(previous: str) -> bool:
    return len(previous) == 1 and not (previous.isalnum() or previous in "_$)]")


def _python(source: str, mark: re.Pattern[str]) -> Iterator[Span]:
    position = 0
    open_expressions: list[tuple[StringLiteral, int]] = []  # f-strings around us, with the depth of brackets in each
    while position < len(source):
        token = _mark(source, position, mark) or _at(_PY_TOKEN, source, position)
        kind, end = token.lastgroup, token.end()
        literal: StringLiteral | None = None
        if kind == "string":
            literal = StringLiteral(Language.PYTHON, token["prefix"].lower(), token["quote"])
        elif open_expressions and kind in ("open", "close", "colon"):
            around, depth = open_expressions.pop()
            if depth == 0 and token[0] in "}:":
                literal = around
            else:
                open_expressions.append((around, depth + _PY_BRACKETS[kind]))
        yield Span(position, end, Place.COMMENT if kind == "comment" else Place.CODE)
        if literal is not None:
            body = _at(_body_pattern(literal), source, end)
            yield Span(end, body.end(), Place.STRING, literal)
            end = body.end()
            if body["end"] == "{":
                open_expressions.append((literal, 0))
        position = end


def _body_pattern(literal: StringLiteral) -> re.Pattern[str]:
    return _PY_BODIES[literal.delimiter, "f" in literal.prefix]


def _compile_body(delimiter: str, *, formatted: bool) -> re.Pattern[str]:
    stop = "{" if formatted else ""
    newline = "" if len(delimiter) == 3 else r"\n"
    doubled = r"|\{\{" if formatted else ""
    end = rf"{delimiter}|\{{" if formatted else delimiter
    return re.compile(rf"(?:\\[\s\S]?{doubled}|(?!{delimiter})[^\\{newline}{stop}])*+(?P<end>{end})?")


_PY_BODIES: Final = {
    (delimiter, formatted): _compile_body(delimiter, formatted=formatted)
    for delimiter in ('"', "'", '"""', "'''")
    for formatted in (False, True)
}


def _mark(source: str, position: int, mark: re.Pattern[str]) -> re.Match[str] | None:
    if source[position] not in "<{":
        return None
    match = mark.match(source, position)
    return match if match and (match["env"] is not None or is_reference(match["reference"])) else None


def _at(pattern: re.Pattern[str], source: str, position: int) -> re.Match[str]:
    match = pattern.match(source, position)
    assert match is not None, "these patterns match anywhere"  # noqa: S101
    return match
