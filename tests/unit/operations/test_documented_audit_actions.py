"""The page of the audit log lists every action."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
DEEDS = ROOT / "services" / "gateway" / "src" / "gateway"
WRITTEN_DOWN = re.compile(r"(?:record|record_in|_note|_settled)\(\s*[^\"()]*?\"([a-z_]+\.[a-z_]+)\"")
PUBLISHED = re.compile(r'audited_as = "([a-z_]+)"')


def test_every_action_of_the_audit_log_is_documented() -> None:
    sources = [file.read_text() for file in DEEDS.rglob("*.py")]
    written = {action for source in sources for action in WRITTEN_DOWN.findall(source)}
    published = {kind for source in sources for kind in PUBLISHED.findall(source)}
    written |= {f"{kind}.{action}" for kind in published for action in ("created", "changed", "deleted")}
    assert len(written) > 40
    assert sorted(written - set(documented())) == []


def documented() -> Iterator[str]:
    """Yield the table's content: a row has subjects, and the actions of all of them or, with semicolons, of each."""
    page = (ROOT / "docs" / "api" / "access.md").read_text()
    table = page.partition("| about | actions |\n|---|---|\n")[2].partition("\n\n")[0]
    for row in table.splitlines():
        about, actions = row.strip("| ").split(" | ")
        subjects, lists = re.findall(r"`([a-z_]+\.)`", about), actions.split(";")
        for subject, own in zip(subjects, lists if len(lists) > 1 else lists * len(subjects), strict=True):
            yield from (subject + action for action in re.findall(r"`([a-z_]+)`", own))
