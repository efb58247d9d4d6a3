"""References in code are told apart by where they stand, and filling them in changes no line."""

import ast
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.workflow.code_lexing import Language, Place, odd_names, spans
from shared.workflow.code_references import CodeMark, parse_code

JS, PY = Language.JAVASCRIPT, Language.PYTHON
PUNCTUATION = [*"<>{}()[]/#:`'\"\\", "${", "//", "/*", "*/", "'''", '"""', "f'", 'rf"']
PIECES = [*PUNCTUATION, "<start.q>", "{{KEY}}", "\n", "x", "return ", " ", "1", "é", "\u2028", "\r\n"]
SOURCES = st.lists(st.sampled_from(PIECES), max_size=30).map("".join) | st.text(max_size=60)


def places(source: str, language: Language = JS) -> list[tuple[str, str]]:
    return [(mark.raw, mark.place.value) for mark in parse_code(source, language).marks]


def spliced(source: str, text: str, language: Language) -> str:
    return parse_code(source, language).render(lambda mark: mark.spliced(text))


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("return <start.n> + 1", ["code"]),
        ('return "hi <start.n>!"', ["string"]),
        ("return 'v=<start.n>'", ["string"]),
        ("return `v=<start.n>`", ["string"]),
        ("return `v=${<start.n>}`", ["code"]),
        ("return `a${ {b: `<x.y>${<x.y>}`} }<x.y>`", ["string", "code", "string"]),
        ("// <a.b>\nreturn <a.b>", ["comment", "code"]),
        ("/* ' <a.b>\n */ <a.b>", ["comment", "code"]),
        ("return /['\"<a.b>]/.test(<a.b>)", ["regex", "code"]),
        ("return <a.b> / 2 + '/<a.b>'", ["code", "string"]),
        ("return {{N}} / 2 + '/{{N}}'", ["code", "string"]),
        ("x = y / 2; z = '<a.b>' / 3", ["string"]),
        ("f(x) / 2 + '<a.b>'", ["string"]),
        ("return '\\'<a.b>'", ["string"]),
        ("'unterminated <a.b>\n<a.b>", ["string", "code"]),
        ("if (x) { /['\"]/.test(<a.b>) }", ["code"]),
        ("if (a < b && c > d) return '<a.b>'", ["string"]),
        ("if (a <b; 'x>' ) return '<a.b>'", ["string"]),
        ("", []),
    ],
)
def test_marks_in_javascript_have_a_place(source: str, found: list[str]) -> None:
    assert [place for _, place in places(source)] == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("return <start.n> + 1", ["code"]),
        ("x = 'a <a.b>' # <a.b>", ["string", "comment"]),
        ('x = """<a.b>\n"<a.b>""" + <a.b>', ["string", "string", "code"]),
        ("x = f'<a.b> {<a.b>} {{KEY}}'", ["string", "code", "string"]),
        ("x = f'{<a.b>:>{<a.b>}} <a.b>' + '<a.b>'", ["code", "code", "string", "string"]),
        ("x = f'{d[\"k:}\"]} <a.b>'", ["string"]),
        ("x = rb'\\'<a.b>'", ["string"]),
        ("xf'<a.b>'", ["string"]),
        ("x = 'open <a.b>\n<a.b>", ["string", "code"]),
    ],
)
def test_marks_in_python_have_a_place(source: str, found: list[str]) -> None:
    assert [place for _, place in places(source, PY)] == found


def test_a_mark_never_spans_lines_or_quotes() -> None:
    assert places("a <b\n.c> d") == []
    assert places("{{ return 1;\n}}") == []


@given(SOURCES, st.sampled_from(Language))
def test_the_parts_of_a_source_are_the_source(source: str, language: Language) -> None:
    assert parse_code(source, language).source == source
    found = list(spans(source, language))
    assert "".join(source[span.start : span.end] for span in found) == source
    assert all(span.literal is not None for span in found if span.place is Place.STRING)


@given(SOURCES, st.sampled_from(Language), st.text(max_size=10))
def test_filling_in_never_changes_the_number_of_lines(source: str, language: Language, text: str) -> None:
    def fill(mark: CodeMark) -> str:
        return mark.spliced(text) if mark.place in (Place.STRING, Place.REGEX) else "_v1"

    assert parse_code(source, language).render(fill).count("\n") == source.count("\n")


PYTHON_STRINGS = [
    "'a<s.v>b'",
    '"a<s.v>b"',
    "'''a<s.v>b'''",
    '"""a<s.v>b"""',
    "r'a<s.v>b'",
    "f'a<s.v>b'",
    "rf'''a<s.v>b'''",
]


@given(st.sampled_from(PYTHON_STRINGS), st.text())
def test_text_spliced_into_a_python_string_is_in_its_value(source: str, text: str) -> None:
    code = spliced(source, text, PY)
    assert "\n" not in code
    parsed = ast.parse(f"x = ({code})", mode="exec").body[0]
    assert isinstance(parsed, ast.Assign)
    value = eval(compile(ast.Expression(parsed.value), "spliced", "eval"))
    assert value == f"a{text}b"


@given(st.sampled_from("'\"`"), st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_text_spliced_into_a_javascript_string_neither_ends_nor_interpolates_it(quote: str, text: str) -> None:
    code = spliced(f"{quote}<s.v>{quote}", text, JS)
    body = re.sub(r"\\.", "", code[1:-1])
    assert quote not in body
    assert "${" not in body
    assert not set("\n\r\u2028\u2029") & set(code)


def test_text_spliced_into_a_regular_expression_is_matched_literally() -> None:
    assert spliced("return /^<s.v>$/", "a/b.c*\n", JS) == r"return /^a\/b\.c\*\n$/"


def test_hostile_source_is_read_in_linear_time() -> None:
    for piece in ("/*", "'\\", "`${", "<", "{{", "/[", "<a", "/a", 'f"{', "= /[a\n", "{{a"):
        source = piece * 20_000 + "<a.b>"
        for language in Language:
            assert parse_code(source, language).source == source


@pytest.mark.parametrize("language", [JS, PY])
def test_a_block_s_name_may_have_a_quote_in_it(language: Language) -> None:
    source = "return <bob'sdata.result> + <Bob's Data[0]> + 'x' + <start.n>"
    marks = parse_code(source, language, odd_names=odd_names(["start", "bob'sdata", "bob's"])).marks
    assert [mark.raw for mark in marks] == ["<bob'sdata.result>", "<Bob's Data[0]>", "<start.n>"]
    assert {mark.place for mark in marks} == {Place.CODE}
    assert [mark.raw for mark in parse_code("a <b's' + c> d", language, odd_names=("bob'sdata",)).marks] == []
