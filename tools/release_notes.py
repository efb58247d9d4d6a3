"""Print what CHANGELOG.md says about a version: `python -m tools.release_notes 0.1.0`."""

import re
import sys
from pathlib import Path
from typing import Final

CHANGELOG: Final = Path(__file__).parents[1] / "CHANGELOG.md"
_RELEASE: Final = re.compile(r"^## \[(?P<version>[^]]+)\](?: - (?P<date>.+))?$", re.MULTILINE)


def read_notes(version: str, changelog: str) -> str | None:
    """Return the section of a released version, or None."""
    headings = list(_RELEASE.finditer(changelog))
    ends = [*(heading.start() for heading in headings[1:]), len(changelog)]
    for heading, end in zip(headings, ends, strict=True):
        if heading["version"] == version and heading["date"]:
            return changelog[heading.end() : end].strip()
    return None


def main() -> None:
    """Print the notes of the version named on the command line."""
    (version,) = sys.argv[1:]
    notes = read_notes(version, CHANGELOG.read_text(encoding="utf-8"))
    if not notes:
        sys.exit(f"error: CHANGELOG.md has no release {version}: rename [Unreleased] to [{version}] - YYYY-MM-DD")
    print(notes)  # noqa: T201 - a command


if __name__ == "__main__":
    main()
