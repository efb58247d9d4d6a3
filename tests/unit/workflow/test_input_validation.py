"""Strict validation: what a run could use passes, anything else is named with what was expected."""

import pytest

from shared.workflow.format.input_format import InputField
from shared.workflow.format.input_validation import input_problems
from shared.workflow.format.js_values import Json

FILE: Json = {"name": "a.txt", "url": "https://x.test/a.txt"}
FIELDS = (
    InputField(name="text", type="string", required=True),
    InputField(name="amount", type="number", value=3),
    InputField(name="urgent", type="boolean"),
    InputField(name="tags", type="array"),
    InputField(name="about", type="object"),
    InputField(name="scans", type="file[]"),
)


def messages(sent: Json) -> list[str]:
    return [problem.message for problem in input_problems(FIELDS, sent)]


@pytest.mark.parametrize(
    "sent",
    [
        {"text": "x"},
        {"text": 4, "amount": "4", "urgent": "true", "tags": "[1]", "about": '{"a": 1}', "scans": FILE},
        {"text": "", "amount": 0, "urgent": 0, "tags": [], "about": {}, "scans": [FILE]},
        {"input": {"text": "x", "amount": 2, "more": 1}, "conversationId": "c", "files": []},
        {"text": "x", "amount": None},
        "one value",
        7,
    ],
)
def test_what_a_run_can_use_passes(sent: Json) -> None:
    assert messages(sent) == []


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({}, "text is missing (expected string)"),
        ({"text": {"a": 1}}, 'text must be a string, not {"a":1}'),
        ({"text": "x", "amount": "many"}, 'amount must be a number, not "many"'),
        ({"text": "x", "urgent": "maybe"}, 'urgent must be a boolean, not "maybe"'),
        ({"text": "x", "tags": "a,b"}, 'tags must be an array, not "a,b"'),
        ({"text": "x", "about": [1]}, "about must be an object, not [1]"),
        ({"text": "x", "scans": "a.txt"}, 'scans must be a list of files, not "a.txt"'),
        ({"text": "x", "amont": 1}, 'amont is not an input of this workflow. Did you mean "amount"?'),
        ({"text": "x", "zzz": 1}, "zzz is not an input of this workflow. The workflow declares text, amount,"),
        ({"input": {"text": "x", "amount": "many"}}, 'amount must be a number, not "many"'),
    ],
)
def test_anything_else_is_named(sent: Json, message: str) -> None:
    assert [each[: len(message)] for each in messages(sent)] == [message]


def test_every_problem_is_listed() -> None:
    assert len(messages({"amount": "x", "urgent": "x", "nope": 1})) == 4
