"""Every link on a page leads to an existing file."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = sorted((*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")))
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
ANCHOR = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)#([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
LONG_CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
MAPS = ("docs/README.md", "docs/operations/README.md", "docs/adr/README.md", "docs/console/README.md")


def links(page: Path) -> set[Path]:
    """Return the files that a page links to."""
    return {(page.parent / link).resolve() for link in LINK.findall(LONG_CODE.sub("", page.read_text()))}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_has_an_existing_target(page: Path) -> None:
    assert [link for link in links(page) if not link.exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_into_a_page_names_a_heading(page: Path) -> None:
    text = LONG_CODE.sub("", page.read_text())
    found = [(link, heading) for link, heading in ANCHOR.findall(text) if heading not in headings(page, link)]
    assert found == []


def headings(page: Path, link: str) -> set[str]:
    """Return the heading as GitHub spells it in links."""
    text = LONG_CODE.sub("", (page.parent / link if link else page).read_text())
    titles = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title).lower() for title in HEADING.findall(text))
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}


def test_every_page_is_on_a_map() -> None:
    mapped = {link for page in (*MAPS, "docs/operations/alerts.md", "README.md") for link in links(ROOT / page)}
    pages = {page for page in (ROOT / "docs").rglob("*.md") if page.name != "README.md"}
    assert pages - mapped == set()


def test_every_decision_is_listed_with_its_number() -> None:
    listed = re.findall(r"^- \[(\d+)\. .*\((\d+)-[^)]*\)$", (ROOT / "docs/adr/README.md").read_text(), re.MULTILINE)
    assert listed == [(str(int(number)), number) for number in sorted(number for _, number in listed)]
    assert {number for _, number in listed} == {file.name[:4] for file in (ROOT / "docs/adr").glob("0*.md")}
