"""Guides whose steps are run: `sh` blocks are commands, a `text` block after one is its output."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.up import ROOT

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BOUNDARY = "-- end of step --"
SECONDS = 600
FILE = re.compile(r"# file: (\S+)\n")
DOCS = ROOT / "docs"
GUIDES = sorted(
    [
        DOCS / "workflow-files.md",
        *(page for folder in ("start", "recipes", "migrate") for page in (DOCS / folder).glob("*.md")),
    ]
)
API_PAGES = sorted((DOCS / "api").glob("*.md"))


@dataclass(frozen=True)
class Step:
    """Commands of a page, with the standard output that it shows for them; `…` stands for any text."""

    commands: str
    shown: str | None

    def matches(self, output: str) -> bool:
        """Return whether the commands printed what the page shows."""
        if self.shown is None:
            return True
        expected = ".*".join(re.escape(part) for part in self.shown.strip().split("…"))
        return re.fullmatch(expected, output.strip(), re.DOTALL) is not None


def fences(page: Path) -> list[tuple[str, str]]:
    """Return language and content of each code block."""
    return FENCE.findall(page.read_text())


def steps(page: Path) -> list[Step]:
    """Return the commands in order."""
    found = fences(page)
    following = [*found[1:], ("", "")]
    return [
        Step(content, after if language_after == "text" else None)
        for (language, content), (language_after, after) in zip(found, following, strict=False)
        if language == "sh"
    ]


def sample_files(page: Path) -> dict[str, str]:
    """Return the files that the page shows, by name. JSON has the name that its page gives it."""
    found: dict[str, str] = {}
    for language, content in fences(page):
        if language == "yaml" and (named := FILE.match(content)):
            found[named[1]] = content
        elif language == "json":
            found["report.json" if page.stem == "sim" else f"{page.stem}.json"] = content
    return found


def run_steps(wanted: Sequence[Step], folder: Path, variables: Mapping[str, str]) -> list[str]:
    """Run the commands in one shell, which stops at the first that fails; return the output of each step."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("FLOWPORT_", "SIM_"))}
    path = f"{Path(sys.executable).parent}:{inherited['PATH']}"
    environment = {**inherited, "PATH": path, "XDG_CONFIG_HOME": str(folder), **variables}
    script = "".join(f"{step.commands}\necho; echo '{BOUNDARY}'\n" for step in wanted)
    command = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split(BOUNDARY)[:-1]
