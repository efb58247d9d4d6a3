"""References and conditions that no result of a function fits: one message names the result and the fix."""

from textwrap import indent

import pytest

from shared.workflow.catalog import Catalog
from shared.workflow.files.reader import read_file
from shared.workflow.format.reader import read_state
from shared.workflow.validate.validator import problems

CATALOG = Catalog()


def found(code: str, condition: str, language: str = "javascript") -> list[str]:
    """Return the messages about a workflow whose condition reads the result of this code."""
    text = f"""
blocks:
  Start:
    type: start
    inputs: {{text: string, amount: number, items: array}}
  Run:
    type: function
    language: {language}
    code: |
{indent(code, " " * 6)}
  Route:
    type: condition
    branches:
      - if: |
          {condition}
        next: A
      - else: B
  A: {{type: response, data: {{a: 1}}}}
  B: {{type: response, data: {{b: <run.result>}}}}
"""
    file = read_file(text, catalog=CATALOG)
    return [each.message for each in (*file.problems, *file.warnings, *problems(read_state(file.state)))]


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("return <start.amount> > 5;", "boolean"),
        ("const text = <start.text>.toLowerCase();\nreturn text;", "string"),
        ("return [1, 2];", "list"),
        ("if (<start.amount>) return 1;\nreturn <start.text>;", "number or a string"),
    ],
)
def test_a_field_of_a_result_without_fields_is_named_once(code: str, what: str) -> None:
    cause = f'Route: <run.result.urgent>: the code of "Run" returns a {what}, which has no "urgent"'
    expected = [f"{cause}. Read <run.result>, or return {{ urgent: … }}."]
    assert found(code, "<run.result.urgent> || <run.result.late>") == expected


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("return len(<start.items>)", "number"),
        ("return 1, 2", "tuple"),
        ('return {"a", "b"}', "set"),
        ("return not <start.text>", "boolean"),
    ],
)
def test_a_field_of_a_result_of_python_without_fields_is_named(code: str, what: str) -> None:
    cause = f'Route: <run.result.urgent>: the code of "Run" returns a {what}, which has no "urgent"'
    expected = [f'{cause}. Read <run.result>, or return {{"urgent": …}}.']
    assert found(code, "<run.result.urgent>", "python") == expected


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ('if (<start.amount> > 5) return "big";\nreturn "small";', "javascript"),
        ('const size = <start.amount> > 5 ? "big" : "small";\nreturn (size);', "javascript"),
        ('return "big" if <start.amount> > 5 else "small"', "python"),
        ('size = "big"\nif <start.amount> < 5:\n    size = "small"\nreturn size', "python"),
    ],
)
def test_a_text_that_code_never_returns_is_named(code: str, language: str) -> None:
    text = 'Route, condition "if": <run.result> is one of big, small, and never "Big". Did you mean "big"?'
    assert found(code, '<run.result> === "Big"', language) == [text]


def test_a_text_that_a_returned_field_never_has_is_named() -> None:
    code = 'const kind = <start.amount> > 5 ? "billing" : "other";\nreturn { kind, size: 1 };'
    text = 'Route, condition "if": <run.result.kind> is one of billing, other, and never "refund".'
    assert found(code, '<run.result.kind> === "refund"') == [text]


def test_a_returned_boolean_is_compared_with_no_text() -> None:
    text = "is a boolean and never equals a string. Write true without quotes."
    condition = '<run.result> === "true"'
    assert found("return <start.amount> > 5;", condition) == [f'Route, condition "if": <run.result> {text}']


@pytest.mark.parametrize(
    ("code", "condition"),
    [
        ('return "live";', '<run.result> === "test"'),  # a constant, such as a mode that authors change
        ('return <start.amount> > 5 ? "big" : "small";', '<run.result> === "small" || <run.result> === "Small"'),
        ('return <start.amount> > 5 ? "big" : <start.text>;', '<run.result> === "huge"'),
        ('let kind = "a";\nif (<start.amount>) kind = "b";\nreturn kind;', '<run.result> === "c"'),
        ('const r = { kind: "a" };\nr.kind = <start.text>;\nreturn r;', '<run.result.kind> === "c"'),
        ('const k = "a";\nreturn { kind: k, ...JSON.parse(<start.text>) };', '<run.result.kind> === "c"'),
        ("return [1, 2];", "<run.result.length> > 1 && <run.result[0]> === 1"),
        ("if (<start.amount>) return 1;\nreturn { urgent: true };", "<run.result.urgent>"),
        ("if (<start.amount>) return 1;\nreturn JSON.parse(<start.text>);", "<run.result.urgent>"),
        ("const list = [1];\nlist.toJSON = () => ({ urgent: true });\nreturn list;", "<run.result.urgent>"),
        ("const load = () => { return 5; };\nreturn { urgent: load() };", "<run.result.urgent>"),
        ("Array.from = () => ({ urgent: true });\nreturn Array.from([1]);", "<run.result.urgent>"),
        ("const list = [1];\nlist['map'] = () => ({ urgent: true });\nreturn list.map();", "<run.result.urgent>"),
    ],
)
def test_a_value_that_code_may_return_is_read_and_compared(code: str, condition: str) -> None:
    assert found(code, condition) == []


@pytest.mark.parametrize(
    ("code", "condition"),
    [
        ('kind = "a"\nkind += <start.text>\nreturn kind', '<run.result> === "ab"'),
        ('kind = "a"\nfor kind in <start.items>:\n    pass\nreturn kind', '<run.result> === "c"'),
        ('a, kind = 1, "a"\nif a > 2:\n    kind = "b"\nreturn kind', '<run.result> === "c"'),
        (
            "class Box:\n    def __gt__(self, other):\n        return {'urgent': 1}\nreturn Box() > 1",
            "<run.result.urgent>",
        ),
        ("rows = []\nif <start.amount>:\n    rows = {'urgent': True}\nreturn rows", "<run.result.urgent>"),
        ('kind = "a" if <start.amount> else "b"\nglobals()["kind"] = "c"\nreturn kind', '<run.result> === "c"'),
    ],
)
def test_a_value_that_python_may_return_is_read_and_compared(code: str, condition: str) -> None:
    assert found(code, condition, "python") == []
