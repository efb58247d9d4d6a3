"""Limits of names and descriptions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy_service.application.contents import version_number
from deploy_service.domain.agent import checked_settings as checked_agent
from deploy_service.domain.tool_server import checked_settings as checked_server
from deploy_service.domain.validation import checked_environment_name, checked_name, checked_text
from deploy_service.domain.workflow import version_description, version_name
from shared.contracts.agents import AgentSettings, AgentSkill
from shared.contracts.tool_servers import ToolServerSettings, WorkflowTool
from shared.errors import InvalidRequest


@given(st.text(max_size=120))
def test_a_name_is_trimmed_and_bounded_or_refused_with_its_field(text: str) -> None:
    try:
        name = checked_name("name", text, 100)
    except InvalidRequest as error:
        assert error.details[0]["path"] == ["name"]
        assert not 1 <= len(text.strip()) <= 100
    else:
        assert name == text.strip()


def test_a_text_is_never_cut() -> None:
    assert checked_text("description", "x" * 10, 10) == "x" * 10
    with pytest.raises(InvalidRequest, match="at most 10"):
        checked_text("description", "x" * 11, 10)


def test_a_version_may_be_without_texts() -> None:
    assert version_name(None) is None
    assert version_description(None) is None
    assert version_description("") is None


@pytest.mark.parametrize("name", ["A", "_a", "API_KEY", "a.b-c", "a" * 128])
def test_a_name_that_references_can_spell_is_taken(name: str) -> None:
    assert checked_environment_name(name) == name


@pytest.mark.parametrize("name", ["", "1A", "A B", "Ä", "A\n", "{{A}}", "a" * 129])
def test_any_other_environment_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest):
        checked_environment_name(name)


@given(st.text(max_size=12))
def test_a_version_number_is_a_plain_integer_from_1(text: str) -> None:
    try:
        assert version_number(text) >= 1
    except InvalidRequest:
        assert not text.isascii() or not text.isdigit() or int(text) == 0 or len(text) > 9


def test_a_refusal_names_its_field() -> None:
    skill, tool = AgentSkill(id="Not an id", name="Talk"), WorkflowTool(workflow_id="w", name="talk")
    with pytest.raises(InvalidRequest, match="lowercase letters") as refused:
        checked_agent(AgentSettings(name="Ada", skills=(skill,)))
    assert refused.value.details == [{"path": ["skills", "id"], "message": refused.value.message}]
    with pytest.raises(InvalidRequest, match="at most 100 tools") as refused:
        checked_server(ToolServerSettings(name="Ada", tools=(tool,) * 101))
    assert refused.value.details == [{"path": ["tools"], "message": refused.value.message}]
