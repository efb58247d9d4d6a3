"""Invalid JSON has a problem, worded like a JavaScript engine's."""

import json
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.workflow.format.json_problems import json_problem

RECORDED: Final[dict[str, str]] = json.loads(Path(__file__).with_name("json_problems_of_node_20.json").read_text())
"""Texts, and the message of Node 20's `JSON.parse` for each."""

BROKEN = {
    "abc": "Unexpected token 'a', \"abc\" is not valid JSON",
    "NaN": "Unexpected token 'N', \"NaN\" is not valid JSON",
    "": "Unexpected end of JSON input",
    "[1,": "Unexpected end of JSON input",
    "[1,]": "Unexpected token ']', \"[1,]\" is not valid JSON",
    "[{bad": "Expected property name or '}' in JSON at position 2",
    '{"a":1,}': "Expected double-quoted property name in JSON at position 7",
    '{"a" 1}': "Expected ':' after property name in JSON at position 5",
    '{"a":[1]': "Expected ',' or '}' after property value in JSON at position 8",
    '{"a":["]" 2]}': "Expected ',' or ']' after array element in JSON at position 10",
    '"abc': "Unterminated string in JSON at position 4",
    '"\n"': "Bad control character in string literal in JSON at position 1",
    '"\\x"': "Bad escaped character in JSON at position 2",
    "[1] x": "Unexpected non-whitespace character after JSON at position 4",
    "hello world this is a long text that goes on": "Unexpected token 'h', \"hello worl\"... is not valid JSON",
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_problem_has_the_expectation_and_position(text: str) -> None:
    assert json_problem(text) == BROKEN[text]


@given(st.text(max_size=80) | st.binary(max_size=40).map(repr))
def test_any_json_written_by_python_has_none(text: str) -> None:
    assert json_problem(json.dumps(text)) is None


@pytest.mark.parametrize(("text", "v8_message"), RECORDED.items())
def test_the_texts_are_those_of_v8(text: str, v8_message: str) -> None:
    problem = json_problem(text)
    assert problem is not None
    assert v8_message.startswith(problem)
