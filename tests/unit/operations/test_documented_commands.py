"""Pages name only existing commands of `flowport`."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer.main

from flowport.main import app

ROOT = Path(__file__).parents[3]
PAGES = sorted(
    page for page in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md"))
)
COMMAND = re.compile(r"(?:^|`|run: )flowport ((?:[a-z-]+ ?)+)", re.MULTILINE)


def unknown(words: list[str]) -> bool:
    """Return whether the words start with no command; the words after a command are its arguments."""
    command: Any = typer.main.get_command(app)
    for word in words:
        if not hasattr(command, "commands"):
            return False
        if word not in command.commands:
            return True
        command = command.commands[word]
    return False


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_compose_commands_name_their_file(page: Path) -> None:
    assert re.findall(r"docker compose (?!--file )\S+", page.read_text()) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_on_a_page_is_there(page: Path) -> None:
    named = COMMAND.findall(page.read_text())
    assert [words for words in named if not words.startswith("-") and unknown(words.split())] == []
