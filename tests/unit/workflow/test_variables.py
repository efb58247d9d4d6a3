"""A variable's value has its type, whatever was typed."""

import pytest

from shared.workflow.format.js_values import Json
from shared.workflow.format.models import Variable
from shared.workflow.format.variables import assigned_value, initial_value


@pytest.mark.parametrize(
    ("kind", "stored", "value"),
    [
        ("number", "5", 5),
        ("number", "abc", 0),
        ("number", None, 0),
        ("boolean", "true", True),
        ("boolean", "True ", True),
        ("boolean", "yes", False),
        ("boolean", True, True),
        ("boolean", None, False),
        ("array", "[1]", [1]),
        ("array", "{}", []),
        ("array", [2], [2]),
        ("object", '{"a":1}', {"a": 1}),
        ("object", "broken", {}),
        ("object", None, {}),
        ("string", 5, "5"),
        ("string", None, ""),
        ("plain", "p{x}", "p{x}"),
        ("plain", None, ""),
    ],
)
def test_a_run_starts_with_values_of_their_type(kind: str, stored: Json, value: Json) -> None:
    assert initial_value(Variable(id="v", name="v", type=kind, value=stored)) == value


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        ("number", "9", 9),
        ("number", "", 0),
        ("boolean", "FALSE", False),
        ("boolean", None, False),
        ("array", "[1]", [1]),
        ("array", " ", []),
        ("object", {"a": 1}, {"a": 1}),
        ("string", 5, "5"),
        ("string", "", ""),
        ("plain", [1], [1]),
    ],
)
def test_assigned_values_are_converted_to_the_type(kind: str, given: Json, value: Json) -> None:
    assert assigned_value("v", kind, given) == value


@pytest.mark.parametrize(("kind", "given"), [("number", "abc"), ("boolean", "2"), ("array", "{}"), ("object", "[")])
def test_unconvertible_values_are_refused(kind: str, given: Json) -> None:
    with pytest.raises(ValueError, match='value for variable "v"'):
        assigned_value("v", kind, given)
