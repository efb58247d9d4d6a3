"""Callers may spell an output in every accepted way."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.workflow_states import block, workflow

from shared.workflow.compile.selectors import resolve_selectors, selector_name
from shared.workflow.format.reader import read_state

UUID = "c0ffee00-0000-4000-8000-000000000002"
STATE = read_state(
    workflow(
        block(UUID, "agent", "Agent 1"),
        block("fetch", name="Fetch Page"),
        block("fetch_page_2", name="other"),
        block("x", name="my_agent"),
        block("y", name="My Agent"),
    )
)


def found(*selected: str) -> list[tuple[str, str]]:
    return [(each.block_id, each.path) for each in resolve_selectors(STATE, selected)]


@pytest.mark.parametrize(
    ("selector", "block_id", "path"),
    [
        (f"{UUID}_content", UUID, "content"),
        (f"{UUID}.content", UUID, "content"),
        (UUID, UUID, ""),
        ("agent1.content", UUID, "content"),
        ("Agent 1.content", UUID, "content"),
        ("agent_1.content", UUID, "content"),
        ("agent_1", UUID, ""),
        ("agent1.toolCalls.list[0].name", UUID, "toolCalls.list[0].name"),
        ("fetch_page_2.result", "fetch_page_2", "result"),
        ("fetch_result", "fetch", "result"),
        ("fetch.page.result", "fetch", "page.result"),
        ("fetch_page.result", "fetch", "result"),
        ("fetch_page_2_result.v", "fetch_page_2", "result.v"),
        ("my_agent.result", "x", "result"),
        ("myagent.result", "y", "result"),
        ("m_y_agent.result", "x", "result"),
    ],
)
def test_every_accepted_form_finds_its_block(selector: str, block_id: str, path: str) -> None:
    assert found(selector) == [(block_id, path)]


def test_an_output_selected_twice_counts_once_in_the_callers_order() -> None:
    assert found("other.result", "agent_1.content", f"{UUID}_content", "agent1.content", "agent1.model") == [
        ("fetch_page_2", "result"),
        (UUID, "content"),
        (UUID, "model"),
    ]


@pytest.mark.parametrize("selector", ["ghost.content", "", ".", "_", "ghost"])
def test_an_unmatched_selector_selects_nothing(selector: str) -> None:
    assert found(selector) == []


def test_a_path_is_walked_step_by_step() -> None:
    assert resolve_selectors(STATE, ["agent1.a[0].b"])[0].steps == ("a", 0, "b")
    assert resolve_selectors(STATE, ["agent1"])[0].steps == ()


def test_samples_spell_names_in_a_way_that_is_found_again() -> None:
    assert selector_name(STATE.blocks[UUID]) == "agent_1"
    assert found(f"{selector_name(STATE.blocks[UUID])}.content") == [(UUID, "content")]


@given(st.lists(st.text(max_size=10) | st.text(alphabet="agent_1.", max_size=20)))
def test_any_text_may_be_selected(selected: list[str]) -> None:
    assert len(found(*selected)) <= len(selected)


def test_the_longest_selector_is_resolved_quickly() -> None:
    began = time.process_time()
    assert found("." * 100_000, "_" * 100_000) == []
    assert time.process_time() - began < 1
