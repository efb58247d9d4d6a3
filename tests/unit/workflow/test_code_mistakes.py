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
    ],
)
def test_a_mistake_in_javascript_is_named(code: str, message: str) -> None:
    assert code_problems(code, "javascript") == [f"Run: {message}"]
