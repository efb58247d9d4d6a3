"""Layout of the tests: helpers are in tests/support, and no area imports from another."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).parents[2]
FILES: Final = sorted(TESTS.rglob("*.py"))
NOT_HELPERS: Final = ("test_*.py", "conftest.py", "__init__.py")
PROGRAMS: Final = ("engine", "images", "kube")
"""Programs that make targets run: they share parts, and unit tests cover them."""


@cache
def imported(file: Path) -> tuple[str, ...]:
    """Return the modules of tests that the file imports."""
    return tuple(_imported(file))


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.module.startswith("tests."):
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names if name.name.startswith("test_"))


def test_unit_and_integration_tests_have_no_helpers_beside_them() -> None:
    files = [file for area in ("unit", "integration") for file in (TESTS / area).rglob("*.py")]
    assert [file for file in files if not any(file.match(name) for name in NOT_HELPERS)] == []


def test_no_area_imports_from_another() -> None:
    foreign = [
        (file.relative_to(TESTS), module)
        for file in FILES
        for module in imported(file)
        if module.split(".")[1] not in ("support", file.relative_to(TESTS).parts[0], *PROGRAMS)
    ]
    assert foreign == []


def test_no_file_imports_a_test_module() -> None:
    tests = {(file.relative_to(TESTS), module) for file in FILES for module in imported(file) if ".test_" in module}
    assert tests == set()
