"""Secrets are compared in constant time: neither `==` nor `in` compares one."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
SECRET: Final = re.compile(r"^(?!has_|is_)(.*_)?(token|signature|digest|password|secret|ticket)s?$")
SOURCES: Final = sorted(
    path for folder in ("shared/src", "services", "cli/src") for path in (ROOT / folder).rglob("*.py")
)


def timed_comparisons(source: str) -> Iterator[str]:
    """Yield the comparisons whose time depends on a value that is named like a secret.

    A comparison with a constant (`token is None`, `token == ""`) reveals nothing about the secret.
    """
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Compare):
            continue
        if not any(isinstance(operator, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for operator in node.ops):
            continue
        operands = [node.left, *node.comparators]
        if not any(isinstance(each, ast.Constant) for each in operands) and any(map(_is_secret, operands)):
            yield ast.unparse(node)


def _is_secret(node: ast.expr) -> bool:
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    return SECRET.search(name) is not None


@pytest.mark.parametrize("source", ["a.token == shown", "shown in tokens", "signature != expected_signature"])
def test_a_timed_comparison_is_found(source: str) -> None:
    assert list(timed_comparisons(source))


@pytest.mark.parametrize("source", ["token is None", 'password == ""', "tokens == 0", "key == shown"])
def test_others_are_allowed(source: str) -> None:
    assert not list(timed_comparisons(source))


def test_no_source_compares_a_secret_in_time_that_depends_on_it() -> None:
    found = {str(path.relative_to(ROOT)): list(timed_comparisons(path.read_text())) for path in SOURCES}
    assert {path: each for path, each in found.items() if each} == {}
