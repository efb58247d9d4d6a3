"""Code that fails in every run, or never has the effect that its author intends: one message names it and the fix."""

import pytest
from tests.support.code_problems import code_problems


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "const f = await fetch(<start.text>);\nreturn f.statusCode === 200;",
            'line 2 of the code: "f" is an answer of fetch. Write f.status.',
        ),
        (
            "return (await fetch(<start.text>)).data;",
            'line 1 of the code: "answer" is an answer of fetch. Read its body with await answer.json().',
        ),
        (
            "const f = await fetch(<start.text>);\nreturn await f.blob();",
            'line 2 of the code: "f" is an answer of fetch, which has only .json() and .text() for its body.',
        ),
        (
            "const f = await fetch(<start.text>);\nreturn f.headers['etag'];",
            'line 2 of the code: headers of an answer have no keys. Write f.headers.get("etag").',
        ),
        (
            "return <start.items>.map((x) => { const r = await fetch(x); return r.status; });",
            "line 1 of the code: await is only possible in an async function: write await Promise.all(….map(async …)).",
        ),
        (
            "<start.items>.forEach((x) => { await fetch(x); });\nreturn 1;",
            "line 1 of the code: await is only possible in an async function: "
            "write for (const … of …) with await in it.",
        ),
        (
            "return { all: <start.items>.map(async (x) => (await fetch(x)).status) };",
            "line 1 of the code: the list has promises. Write await Promise.all(…).",
        ),
        (
            "const all = <start.items>.map(async (x) => x);\nreturn { a: 1, all };",
            "line 1 of the code: the list has promises. Write await Promise.all(…).",
        ),
    ],
)
def test_a_mistake_in_javascript_is_named(code: str, message: str) -> None:
    assert code_problems(code, "javascript") == [f"Run: {message}"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "r = <start.options>\nreturn r.value",
            '"r", which is <start.options>, has no attribute .value. Did you mean "r["value"]"?',
        ),
        (
            "import math\nreturn math.round(2.4)",
            'line 2 of the code: "math.round" does not exist. Did you mean "round(…)"?',
        ),
        ("n = 0\nn++\nreturn n", 'the code may not parse at line 2, column 1. Write "n += 1" for "n++".'),
        (
            'return <start.text>.includes("a")',
            '<start.text> has no method .includes(). Did you mean "… in <start.text>"?',
        ),
        (
            "return <start.items>.map(str)",
            '<start.items> has no method .map(). Did you mean "[… for each in <start.items>]"?',
        ),
    ],
)
def test_a_mistake_in_python_is_named(code: str, message: str) -> None:
    assert code_problems(code, "python") == [f"Run: {message}"]
