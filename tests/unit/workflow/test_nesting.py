"""The nesting depth of JSON is determined without parsing it, with little memory."""

import json
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.workflow_states import json_values

from shared.workflow.format.js_values import Json
from shared.workflow.format.json_problems import json_problem
from shared.workflow.format.sizes import MAX_NESTING, is_too_deep


def levels(value: Json) -> int:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if items is None else 1 + max(map(levels, items), default=0)


def texts_full_of_brackets() -> st.SearchStrategy[Json]:
    return st.recursive(st.text('[]{}"\\,'), lambda inner: st.lists(inner) | st.dictionaries(st.text('{"\\'), inner))


@given(json_values() | texts_full_of_brackets())
def test_levels_are_counted_outside_of_strings(value: Json) -> None:
    document = json.dumps(value).encode()
    assert [is_too_deep(document, most) for most in range(5)] == [levels(value) > most for most in range(5)]


LISTS = "[]," * (MAX_NESTING + 1)


def depth_problem(text: str) -> bool:
    return is_too_deep(text.encode())


@pytest.mark.parametrize("text", ["a" * 1_000_000, r"\n" * 500_000, r"\"" * 500_000], ids=("plain", "lines", "quotes"))
@pytest.mark.parametrize(("look", "end"), [(depth_problem, "]"), (json_problem, " 1]")])
def test_a_long_string_needs_memory_proportional_to_its_length(
    look: Callable[[str], object], text: str, end: str
) -> None:
    document = f'[{LISTS}"{text}"{end}'
    tracemalloc.start()
    try:
        look(document)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 10 * len(document)
