"""A path leads to a value, to nothing, or to an error, and the three stay distinct."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.workflow_states import json_values

from shared.workflow.format.js_values import MISSING, Json
from shared.workflow.format.paths import OutputField, UndeclaredField, is_declared, look_up, value_at
from shared.workflow.format.references import Path

FUNCTION = {"result": OutputField("json"), "stdout": OutputField("string")}
OUTPUT: Json = {"result": {"a": [{"b": [10, 20]}], "n": None, "0": "zero", "text": "abc"}, "stdout": ""}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("result", "a", 0, "b", 1), 20),
        (("result", "a", "length"), 1),
        (("result", "n"), None),
        ((), OUTPUT),
        (("result", "a", 5), MISSING),
        (("result", 0), MISSING),
        (("result", "text", "length"), MISSING),
        (("result", "text", 0), MISSING),
        (("result", "a", "b"), MISSING),
        (("result", "n", "deeper"), MISSING),
    ],
)
def test_a_path_leads_to_a_value_or_nowhere(path: Path, value: Json) -> None:
    assert value_at(OUTPUT, path) == value


def find(path: Path, output: Json = OUTPUT) -> object:
    return look_up(output, path, outputs=FUNCTION, block_name="f1", path_text=".".join(map(str, path)))


def test_an_open_field_without_a_value_is_empty() -> None:
    assert find(("result", "x", "y")) is MISSING
    assert find(("result",), {}) is MISSING


def test_an_undeclared_field_is_an_error_that_names_the_others() -> None:
    with pytest.raises(UndeclaredField) as refused:
        find(("value", "x"))
    assert refused.value.message == '"value.x" doesn\'t exist on block "f1". Available fields: result, stdout'


def test_an_undeclared_field_that_has_a_value_is_found() -> None:
    assert find(("error",), {"error": "boom"}) == "boom"


def test_nothing_lies_below_a_closed_field() -> None:
    with pytest.raises(UndeclaredField):
        find(("stdout", "x"))


def test_a_block_that_never_ran_is_empty() -> None:
    assert look_up(MISSING, ("result", "x"), outputs=FUNCTION, block_name="f1", path_text="result.x") is MISSING
    assert look_up(MISSING, (), outputs=FUNCTION, block_name="f1", path_text="") is MISSING


def test_declared_fields_may_lie_in_one_another() -> None:
    outputs = {"a": OutputField("object", fields={"b": OutputField("string")})}
    assert is_declared(outputs, ("a", "b"))
    assert not is_declared(outputs, ("a", "c"))
    assert not is_declared(outputs, (0,))


@given(json_values(), st.lists(st.text(max_size=3) | st.integers(0, 3), max_size=4))
def test_any_path_can_be_read_from_any_value(value: Json, path: list[str | int]) -> None:
    value_at(value, tuple(path))
