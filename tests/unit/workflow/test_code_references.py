"""A parser finds the references in code, and each becomes a variable of a program that no value can change."""

import ast
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.workflow.compile.code_parser import Language, TooComplex, parse
from shared.workflow.compile.code_references import (
    MOST_REFERENCES,
    CodeTemplate,
    Location,
    Undecided,
    compile_code,
    odd_names,
    syntax_error,
)
from shared.workflow.compile.code_rewriter import Names

JS, PY = Language.JAVASCRIPT, Language.PYTHON
PUNCTUATION = [*"<>{}()[]/#:`'\"\\", "${", "//", "/*", "*/", "<!--", "-->", "'''", '"""', "f'", 'rf"', "b'"]
PIECES = [*PUNCTUATION, "<start.q>", "{{KEY}}", "\n", "x", "return ", " ", "1", "é", "\u2028", "\r\n", "\0", "\ud800"]
SOURCES = st.lists(st.sampled_from(PIECES), max_size=30).map("".join) | st.text(max_size=60)


def short(template: CodeTemplate) -> str:
    """Return the program, its variables shortened to `$0`, `$0_text` …"""
    return re.sub(r"__flowport_[0-9a-f]{16}_([0-9]+(?:_[a-z]+)?)__", r"$\1", template.program)


def program(source: str, language: Language = JS) -> str:
    return short(compile_code(source, language))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("return <a.b> + 1", "return $0 + 1"),
        ("return<a.b>", "return $0"),
        ("x = <a.b>\n+<A.b>+<c.d>", "x = $0\n+$0+$1"),
        ("// <a.b>\nreturn <a.b> /* <a.b> */", "// <a.b>\nreturn $0 /* <a.b> */"),
        ("return bond.yield / <a.b> / 100", "return bond.yield / $0 / 100"),
        ("x = i++ / <a.b> / 2; y = i-- / <a.b> / 2", "x = i++ / $0 / 2; y = i-- / $0 / 2"),
        ("x = (a) / <a.b> / [b] / <a.b> / 2", "x = (a) / $0 / [b] / $0 / 2"),
        ("'v=<a.b>'", "'v='.concat($0_text,'')"),
        ('"\\<a.b>\\\\<a.b>"', '"".concat($0_text,"\\\\",$0_text,"")'),
        ("'a\\\nb<a.b>'", "'a\\\nb'.concat($0_text,'')"),
        ("({'<a.b>': 1})", "({[''.concat($0_text,'')]: 1})"),
        ("class A { x = 1\n'k<a.b>' = 2 }", "class A { x = 1\n;['k'.concat($0_text,'')] = 2 }"),
        ("class A { static 'k<a.b>'() {} }", "class A { static ['k'.concat($0_text,'')]() {} }"),
        ("`v=<a.b>${<a.b>}\\<a.b>`", "`v=${$0_text}${$0}${$0_text}`"),
        ("String.raw`C:\\<a.b>`", 'String.raw`C:${"\\\\"}${$0_text}`'),
        ("`${{KEY}}\\${{KEY}}`", "`${{KEY}}\\$${$0_text}`"),
        ("return/^<a.b>$/g.test(x)", 'return new(/./.constructor)("^"+$0_pattern+"$","g").test(x)'),
        ('x = /[/"<a.b>]{<a.n>}/', 'x =  new(/./.constructor)("[/\\""+$0_pattern+"]{"+$1_count+"}","")'),
        ("x = /(?<year>.)\\k<year><a.b>/", 'x =  new(/./.constructor)("(?<year>.)\\\\k<year>"+$2_pattern+"","")'),
        (
            "x = /a{<a.n>,<b.n>}{1<a.n>,<b.n><b.n>}/",
            'x =  new(/./.constructor)("a{"+$0_count+","+$1_count+"}{1"+$0_count+","+$1_count+""+$1_count+"}","")',
        ),
        ("return {<a.b>, {{KEY}}}", 'return {"<a.b>":$0, "{{KEY}}":$1}'),
        ("class A{static\n'k<a.b>'=5}", "class A{static\n['k'.concat($0_text,'')]=5}"),
        ("class A{get /**/\n'k<a.b>'(){}}", "class A{get /**/\n['k'.concat($0_text,'')](){}}"),
        ("class A{x = static\n'k<a.b>'=5}", "class A{x = static\n;['k'.concat($0_text,'')]=5}"),
        ("if (a < b && c > d) return '<a.b>'", "if (a < b && c > d) return ''.concat($0_text,'')"),
    ],
)
def test_in_javascript_a_reference_is_a_variable_in_any_position(source: str, expected: str) -> None:
    template = compile_code(source)
    assert short(template).replace("$1_pattern", "$2_pattern") == expected.replace("$1_pattern", "$2_pattern")
    assert template.syntax_error is None


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("return <a.b> + 1", "return $0 + 1"),
        ("x = 'a <a.b>' # <a.b>", "x = f'a {$0_text}' # <a.b>"),
        ("x = r'C:\\dir\\<a.b>'", "x = fr'C:\\dir\\{$0_text}'"),
        ("x = '\\<a.b>{}\\N{DASH}'", "x = f'\\\\{$0_text}{{}}\\N{DASH}'"),
        ("x = u'<a.b>' '{c}' \"<a.b>\"", "x = f'{$0_text}' '{c}' f\"{$0_text}\""),
        ("x = 1if'<a.b>'else 2", "x = 1if f'{$0_text}'else 2"),
        ("x = f'<a.b> {<a.b>:>{<a.b>}} {d[\"<a.b>\"]}'", "x = f'{$0_text} {$0:>{$0}} {d[f\"{$0_text}\"]}'"),
        ("x = f'{v:<a.b>}'", "x = f'{v:{$0_plain}}'"),
        ("x = f'{{KEY}} {{{KEY}}}'", "x = f'{$0_text} {{{KEY}}}'"),
        ("x = b'<a.b>' b'c'", "x = (b''+bytes($0_bytes)+b'' +b'c')"),
        ("x = rb'C:\\<a.b>'", "x = (rb'C:'+bytes((92,))+bytes($0_bytes)+rb'')"),
        ('x = """\n<a.b>\n"""', 'x = f"""\n{$0_text}\n"""'),
        (
            "'Of <a.b>.' '{{KEY}}'\nfrom __future__ import annotations\n<a.b>",
            "'Of <a.b>.' '{{KEY}}'\nfrom __future__ import annotations\n$0",
        ),
        ('def f():\n  """Of <a.b>."""', 'def f():\n  """Of <a.b>."""'),
        ("match <a.b>:\n  case 1 if <a.b>: pass", "match $0:\n  case 1 if $0: pass"),
    ],
)
def test_in_python_a_reference_is_a_variable_in_any_position(source: str, expected: str) -> None:
    template = compile_code(source, PY)
    assert short(template) == expected
    assert template.syntax_error is None


@pytest.mark.parametrize("pattern", ["<a.b>", "'<a.b>'", "[1, <a.b>]"])
def test_a_pattern_that_is_matched_cannot_hold_a_reference(pattern: str) -> None:
    template = compile_code(f"match x:\n  case {pattern}:\n    y = <a.b>", PY)
    assert [(each.raw, each.at.line, each.at.column) for each in template.undecided] == [
        ("<a.b>", 2, 8 + pattern.index("<"))
    ]


@pytest.mark.parametrize(
    ("source", "language", "line", "column"),
    [
        ("return (<a.b>", JS, 1, 8),
        ("x = 1\nif (<a.b>", JS, 2, 1),
        ("x = <a.b> + é + 'unterminated", JS, 1, 15),
        ("def f(:\n  <a.b>", PY, 1, 1),
        ("return (1", JS, 1, 8),
    ],
)
def test_a_syntax_error_is_reported_by_line_and_column(source: str, language: Language, line: int, column: int) -> None:
    found = syntax_error(compile_code(source, language))
    assert found is not None
    assert found.line == line


def test_an_expression_is_parsed_as_one() -> None:
    assert compile_code("{a: <a.b>}.a", is_expression=True).syntax_error is None
    assert compile_code("<a.b> >", is_expression=True).syntax_error is not None
    assert short(compile_code("<a.b> >", is_expression=True)) == "$0 >"


def test_names_without_a_block_are_part_of_the_text() -> None:
    template = compile_code("a <ghost.x> b; '<a.b>'", known=lambda part: part.raw != "<ghost.x>")
    assert short(template) == "a <ghost.x> b; ''.concat($0_text,'')"


def test_a_reference_left_as_typed_may_change_what_others_mean() -> None:
    template = compile_code('{{KEY}} /"/ + <a.b> + "x" /i')
    left = template.without(frozenset({("{{KEY}}",)}))
    assert short(template) == '$0 /"/ + ".concat($1_text," + ")x" /i'
    assert short(left).startswith('{{KEY}} /"/ + $1 + "x"')
    assert template.without(frozenset({("{{KEY}}",)})) is left


@pytest.mark.parametrize("language", [JS, PY])
def test_the_names_of_variables_cannot_be_guessed(language: Language, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (compile_code("return <a.b>", language).variables[0].name for _ in range(2))
    assert first != second
    tokens = iter([16 * "0", 16 * "1"])
    monkeypatch.setattr("secrets.token_hex", lambda _: next(tokens))
    source = f"__flowport_{16 * '0'}_0__ = <a.b>"
    assert compile_code(source, language).variables[0].name == f"__flowport_{16 * '1'}_0__"


def test_code_has_a_bounded_number_of_references() -> None:
    assert len(compile_code(MOST_REFERENCES * "<a.b>;").marks) == MOST_REFERENCES
    template = compile_code(MOST_REFERENCES * "<a.b>;" + "\n<a.b>;" + MOST_REFERENCES * "<a.b>;")
    assert template.variables == ()
    assert template.undecided == (
        Undecided("<a.b>", Location(2, 1), "a piece of code may have at most 10,000 references"),
    )


def test_the_references_that_stay_as_typed_are_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[CodeTemplate] = []
    keys = CodeTemplate._keys.fget  # type: ignore[attr-defined]

    def counted(self: CodeTemplate) -> object:
        reads.append(self)
        return keys(self)

    monkeypatch.setattr(CodeTemplate, "_keys", property(counted))
    template = compile_code(",".join(f"{{{{A{number}}}}}" for number in range(100)))
    assert template.without(frozenset({("{{A0}}",)})).program.startswith("{{A0}},")
    assert len(reads) == 1


def test_only_the_first_references_that_cannot_be_filled_in_are_reported() -> None:
    template = compile_code("match x:\n" + 500 * "  case <a.b>: pass\n", PY)
    assert [each.at.line for each in template.undecided] == list(range(2, 102))


def test_pieces_of_code_share_their_variables() -> None:
    sources = ("<a.b> + <c.d>", "<c.d>")
    first, second = (compile_code(source, names=names) for names in [Names(sources)] for source in sources)
    assert (short(first), short(second)) == ("$0 + $1", "$1")


def test_the_environment_is_read_where_the_author_names_it() -> None:
    assert compile_code("return environmentVariables.KEY").reads_environment
    assert not compile_code("return <start.n>").reads_environment


def test_a_mark_never_spans_lines_or_quotes() -> None:
    assert compile_code("a <b\n.c> d").marks == ()
    assert compile_code("{{ return 1;\n}}").marks == ()
    assert compile_code("// <a\u2028.b>").marks == ()


@example("/\r\n<start.q>/", Language.JAVASCRIPT)
@given(SOURCES, st.sampled_from(Language))
def test_any_source_compiles_and_keeps_its_lines(source: str, language: Language) -> None:
    template = compile_code(source, language)
    assert template.program.count("\n") == source.count("\n")
    parts: list[str] = []
    position = 0
    for mark in template.marks:
        parts += (source[position : mark.start], mark.part.raw)
        position = mark.end
    assert "".join((*parts, source[position:])) == source


@given(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(["'", '"', "'''", '"""']))
def test_python_text_around_a_reference_means_what_it_meant(text: str, quote: str) -> None:
    source = f"{quote}{text}{quote}"
    try:
        meaning = ast.literal_eval(source)
    except (SyntaxError, ValueError):
        return
    if not isinstance(meaning, str) or "<" in text or text.endswith("\\"):
        return
    compiled = compile_code(f"{quote}{text}<a.b>{quote}", PY)
    if compiled.marks:
        assert eval(compiled.program, {variable.name: "V" for variable in compiled.variables}) == f"{meaning}V"


@pytest.mark.parametrize("language", [JS, PY])
@pytest.mark.parametrize(
    "piece",
    [
        *("(", "[", "{", "`${", "/*", "'\\", "<", "{{", "/[", "<a", "/a", 'f"{', "= /[a\n", "a=>{", "x=>", "class A{"),
        *("<a.b>", "'<a.b>", "`<a.b>${", "\\<a.b>", "/<a.b>/;", "if a:\n ", "f'{<a.b>", "b'<a.b>' ", "<a.b>;\n", "\0"),
    ],
)
def test_parsing_hostile_source_takes_linear_time(language: Language, piece: str) -> None:
    source = piece * (20_000 // len(piece)) + "<a.b>"
    assert compile_code(source, language).program.count("\n") == source.count("\n")


def test_source_that_takes_too_many_steps_is_not_guessed_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.workflow.compile.code_parser._LEAST_STEPS", 0)
    monkeypatch.setattr("shared.workflow.compile.code_parser._STEPS_PER_BYTE", 0)
    source = "x = [" + "1," * 10_000 + "<a.b>]"
    with pytest.raises(TooComplex):
        parse(source.encode(), JS)
    (undecided,) = compile_code(source).undecided
    assert undecided.reason == "the code around it is too complex to be read"
    assert syntax_error(compile_code("x = [" + "1," * 10_000)) is None


@pytest.mark.parametrize("language", [JS, PY])
def test_a_block_s_name_may_have_a_quote_in_it(language: Language) -> None:
    source = "return <bob'sdata.result> + <Bob's Data[0]> + 'x' + <start.n>"
    template = compile_code(source, language, odd_names=odd_names(["start", "bob'sdata", "bob's"]))
    assert [mark.part.raw for mark in template.marks] == ["<bob'sdata.result>", "<Bob's Data[0]>", "<start.n>"]
    assert short(template) == "return $0 + $1 + 'x' + $2"
    assert compile_code("a <b's' + c> d", language, odd_names=("bob'sdata",)).marks == ()
