"""SECURITY.md names a test for everything that it promises."""

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
PAGE: Final = (ROOT / "SECURITY.md").read_text()
TEST: Final = re.compile(r"\]\((tests/[^)#]+)")
OWASP_ITEMS: Final = 10


def section(title: str) -> str:
    """Return the text below a heading."""
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


PROMISES: Final = re.split(r"^- ", section("Promises"), flags=re.MULTILINE)[1:]
OWASP: Final = [row for row in section("OWASP API Security Top 10 (2023)").splitlines() if row.startswith("| API")]


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: " ".join(promise.split()[:6]))
def test_a_promise_names_a_test_that_exists(promise: str) -> None:
    assert_proven(promise)


def test_the_owasp_table_is_complete() -> None:
    assert [row.split()[1] for row in OWASP] == [f"API{number}" for number in range(1, OWASP_ITEMS + 1)]


@pytest.mark.parametrize("row", OWASP, ids=lambda row: row.split()[1])
def test_an_owasp_item_names_a_test_that_exists(row: str) -> None:
    assert_proven(row)


def assert_proven(text: str) -> None:
    """Check that every test folder or file that the text names holds tests."""
    tests = [ROOT / path for path in TEST.findall(text)]
    assert tests
    for path in tests:
        files = [path] if path.is_file() else sorted(path.rglob("test_*.py"))
        assert any("def test_" in file.read_text() for file in files), path
