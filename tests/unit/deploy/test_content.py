"""A stored state is the same for every reader, or it is refused."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.deploy import state

from deploy_service.domain.check import check, refuse_errors
from deploy_service.domain.content import content_of
from shared.errors import InvalidWorkflow, PayloadTooLarge
from shared.workflow.compile.compiler import compile_workflow

LIMIT = 100_000
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=10
)
ANY_TEXT = st.text(st.characters(codec=None, categories=None))


@given(JSON)
def test_a_stored_state_is_read_unchanged(value: object) -> None:
    draft = state()
    draft["blocks"]["fn"]["subBlocks"]["code"]["value"] = value
    content = content_of(draft, limit=LIMIT)
    again = content_of(content.state, limit=LIMIT)
    assert again == content
    assert list(msgspec.json.decode(content.document)["blocks"]) == ["start", "fn"]


@given(ANY_TEXT)
def test_unreadable_text_is_not_stored(text: str) -> None:
    draft = state(text)
    try:
        content = content_of(draft, limit=LIMIT)
    except InvalidWorkflow as error:
        assert error.details
        assert any("\ud800" <= character <= "\udfff" for character in text)
    else:
        assert content.state == draft


@given(JSON)
def test_any_document_is_stored_or_refused_with_a_list_of_problems(value: Any) -> None:
    try:
        content_of({"blocks": value, "edges": value}, limit=LIMIT)
    except InvalidWorkflow as error:
        assert error.details


def test_additions_of_the_editor_are_not_stored() -> None:
    plain = content_of(state(), limit=LIMIT)
    saved = content_of({**state(), "lastSaved": 1, "isDeployed": True, "metadata": {"name": "x"}}, limit=LIMIT)
    assert saved == plain


def test_a_state_nested_without_end_is_refused() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    draft = state()
    draft["blocks"]["fn"]["data"] = {"deep": deep}
    with pytest.raises(InvalidWorkflow):
        content_of(draft, limit=LIMIT)
    while deep:  # unnest by hand: freeing all of it together would recurse as deep
        deep = deep.pop()  # type: ignore[assignment]


def test_the_limit_counts_bytes_and_not_characters() -> None:
    size = len(msgspec.json.encode(state("ä")))
    assert content_of(state("ä"), limit=size)
    with pytest.raises(PayloadTooLarge):
        content_of(state("ä"), limit=size - 1)


def test_all_errors_are_refused_together_and_warnings_pass() -> None:
    broken = state()
    del broken["blocks"]["start"]
    broken["blocks"]["fn"]["type"] = "nonsense"
    found = check(compile_workflow(content_of(broken, limit=LIMIT).state), frozenset())
    with pytest.raises(InvalidWorkflow) as refused:
        refuse_errors(found)
    assert len(refused.value.details) == len(found.errors) >= 2
    assert all(problem.message in refused.value.message for problem in found.errors)
    refuse_errors(check(compile_workflow(content_of(state("return <nobody.x>"), limit=LIMIT).state), frozenset()))


def test_a_model_with_an_operators_key_needs_no_key() -> None:
    draft = state()
    values = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}
    draft["blocks"]["fn"]["type"] = "agent"
    draft["blocks"]["fn"]["subBlocks"] = {
        name: {"id": name, "type": "short-input", "value": value} for name, value in values.items()
    }
    content = content_of(draft, limit=LIMIT)
    assert [problem.fields for problem in check(compile_workflow(content.state), frozenset()).errors] == [("API Key",)]
    assert check(compile_workflow(content.state), frozenset({"openai"})).errors == ()
