"""The values of a JSON document are counted before it is decoded."""

import json

import pytest
from hypothesis import given
from tests.support.workflow_states import json_values

from shared.workflow.format.js_values import Json
from shared.workflow.format.sizes import MAX_VALUES, has_too_many_values


def values(value: Json) -> int:
    """Return the number of values, with an empty array or object as two, and without the outermost."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    if items is None:
        return 0
    return len(items) + sum(map(values, items)) if items else 1


@given(json_values())
def test_values_are_counted_outside_of_strings(value: Json) -> None:
    document = json.dumps(value).encode()
    assert [has_too_many_values(document, most) for most in range(8)] == [values(value) > most for most in range(8)]


@pytest.mark.parametrize("text", ["a,", "[", "{", '\\",', "\\\\,"])
def test_text_may_be_as_long_as_the_document(text: str) -> None:
    assert not has_too_many_values(json.dumps({"csv": text * MAX_VALUES * 2}).encode())


@pytest.mark.parametrize("value", [b"1", b'","', b'""', b'{"a,":","}'])
def test_the_limit_is_exact_for_values_that_are_not_empty(value: bytes) -> None:
    count = MAX_VALUES // (2 if b":" in value else 1)
    assert not has_too_many_values(b"[" + b",".join([value] * count) + b"]")
    assert has_too_many_values(b"[" + b",".join([value] * (count + 1)) + b"]")


def test_many_strings_are_too_many_values() -> None:
    assert has_too_many_values(b"[" + b",".join([b'"a,"'] * 6 * MAX_VALUES) + b"]")
