"""Warnings are accepted by their code and their block."""

import pytest

from shared.contracts.problems import Problem, ProblemCode, Severity
from shared.workflow.validate.acceptance import acceptance_name, unaccepted

ON_BLOCK = Problem(
    severity=Severity.WARNING,
    code=ProblemCode.UNKNOWN_SETTING,
    message="…",
    block_id="b1",
    block_name="Agent 1",
)
ON_WORKFLOW = Problem(severity=Severity.WARNING, code=ProblemCode.DANGLING_EDGE, message="…")


def test_a_warning_names_itself() -> None:
    assert acceptance_name(ON_BLOCK) == "unknown_setting:Agent 1"
    assert acceptance_name(ON_WORKFLOW) == "dangling_edge"


@pytest.mark.parametrize(
    "name", ["unknown_setting:Agent 1", "unknown_setting:agent1", "unknown_setting:b1", "unknown_setting:*"]
)
def test_a_name_accepts_its_warning_and_no_other(name: str) -> None:
    assert unaccepted([ON_BLOCK, ON_WORKFLOW], [name]) == [ON_WORKFLOW]


@pytest.mark.parametrize(
    "name", ["unknown_setting:Agent 2", "unknown_field:Agent 1", "unknown_setting", "", ":Agent 1"]
)
def test_other_names_accept_nothing(name: str) -> None:
    assert unaccepted([ON_BLOCK], [name]) == [ON_BLOCK]
