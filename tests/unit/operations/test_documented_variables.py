"""The documentation lists every variable that the command line reads."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGES = ("docs/operations/cli.md", "docs/configuration.md")


def test_every_variable_of_the_command_line_is_documented() -> None:
    text = "".join((ROOT / page).read_text() for page in PAGES)
    read = {
        name
        for file in (ROOT / "cli" / "src").rglob("*.py")
        for name in re.findall(r"\b(?:FLOWPORT|SIM)_[A-Z_]+", file.read_text())
    }
    assert len(read) > 10
    assert sorted(name for name in read if name not in text) == []
