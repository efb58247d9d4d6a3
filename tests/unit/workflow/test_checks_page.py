"""docs/checks.md: the example of each check is named by its code, and no code that the checker uses is missing."""

from pathlib import Path
from textwrap import indent

import pytest
from tools.reference.checks import OTHERS, checks_page

from shared.contracts.problems import ProblemCode, Severity
from shared.workflow.compile.compiler import compile_workflow
from shared.workflow.files.reader import read_file
from shared.workflow.validate.validator import RULES, problems

PAGE = Path(__file__).parents[3] / "docs" / "checks.md"
NO_LONGER_USED = {ProblemCode.UNKNOWN_MODEL, ProblemCode.EARLY_REFERENCE}
"""Codes of older servers."""
START = "Start:\n  type: start\n  inputs: {message: string, amount: number}\n"
NOT_IN_FILES = {ProblemCode.BROKEN_BLOCK_PLUGIN}
CHECKS = [
    *((rule.code, rule.example, rule.severity) for rule in RULES),
    *((each.code, each.example, each.severity) for each in OTHERS),
]


def in_a_file(example: str) -> str:
    """Return the workflow file that an example is part of."""
    if example.startswith("blocks:"):
        return example
    if example.startswith("inputs:"):
        return f"blocks:\n  Start:\n    type: start\n    {example}\n"
    if example[0].islower():
        if "type:" not in example:
            kind = "api\nurl: https://x.test\nmethod: GET" if "headers:" in example else "function"
            language = "language: python\n" if "match" in example else ""
            example = f"type: {kind}\n{language}{example}"
        example = f"Run:\n{indent(example, '  ')}"
    return f"blocks:\n{indent(START + example, '  ')}\n"


@pytest.mark.parametrize(
    ("code", "example", "severity"),
    [each for each in CHECKS if each[0] not in NOT_IN_FILES and not each[1].startswith('"')],
)
def test_the_example_of_a_check_is_named(code: ProblemCode, example: str, severity: Severity) -> None:
    file = read_file(in_a_file(example))
    found = [*file.problems, *problems(compile_workflow(file.state))]
    assert (code, severity) in {(each.code, each.severity) for each in found}, found


def test_each_code_in_use_has_one_section_and_the_page_is_current() -> None:
    codes = [code for code, _, _ in CHECKS]
    assert sorted(codes) == sorted(set(ProblemCode) - NO_LONGER_USED)
    assert PAGE.read_text(encoding="utf-8") == checks_page(), "run `make docs`"
