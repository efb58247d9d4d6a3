"""Block names become reference names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.workflow.format.references import RESERVED_NAMES, normalize_name


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("Agent 1", "agent1"),
        ("Agent_1", "agent_1"),
        ("My Block v1.2", "myblockv12"),
        ("API-Call", "api-call"),
        ("  Tab\tand\nline ", "tabandline"),
        ("", ""),
    ],
)
def test_case_white_space_and_dots_do_not_count(name: str, reference: str) -> None:
    assert normalize_name(name) == reference


@given(st.text())
def test_a_reference_name_is_its_own_reference_name(name: str) -> None:
    assert normalize_name(normalize_name(name)) == normalize_name(name)


def test_the_reserved_names_are_in_normal_form() -> None:
    assert {normalize_name(name) for name in RESERVED_NAMES} == RESERVED_NAMES
