"""The built documentation site: complete, without dead links, and independent of other servers."""

import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from shared.workflow.catalog.core import CORE_BLOCKS

ROOT = Path(__file__).parents[3]
PAGES = sorted((*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")))
LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}


class Page(HTMLParser):
    """Ids of a page, its links, and what a browser loads with it."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.feed(file.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.ids |= {attributes["id"]} if "id" in attributes else set()
        if tag == "a" and "href" in attributes:
            self.links.add(attributes["href"])
        if address := attributes.get(LOADED.get(tag, "")):
            self.loaded.add(address)


def build(builder: str, folder: Path) -> None:
    """Build the site as `make docs-site` does. A warning, such as one of a dead link, fails the build."""
    options = ("--quiet", "--fail-on-warning", "--conf-dir", "docs/site", "--doctree-dir", str(folder / "cache"))
    program = str(Path(sys.executable).with_name("sphinx-build"))
    command = (program, *options, "--builder", builder, ".", str(folder / "html"))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site in HTML, which takes four times as long as reading its pages."""
    folder = tmp_path_factory.mktemp("site")
    build("html", folder)
    return folder / "html"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    """Every page of the site."""
    return {file: Page(file) for file in site.rglob("*.html")}


def test_every_page_of_the_repository_is_read_without_a_dead_link(tmp_path: Path) -> None:
    build("dummy", tmp_path)
    read = tmp_path / "cache"
    assert [page for page in PAGES if not (read / page.relative_to(ROOT)).with_suffix(".doctree").exists()] == []


@pytest.mark.full
def test_every_page_of_the_repository_is_on_the_site(site: Path) -> None:
    assert [page for page in PAGES if not (site / page.relative_to(ROOT)).with_suffix(".html").exists()] == []


@pytest.mark.full
def test_the_first_page_links_to_the_guides(site: Path, pages: dict[Path, Page]) -> None:
    for name in ("docs/start/quickstart", "docs/recipes/webhooks", "docs/help/troubleshooting", "docs/migrate/n8n"):
        assert any(
            link.endswith(f"{name.removeprefix('docs/')}.html") for link in pages[site / "docs/README.html"].links
        )
    assert "docs/README.html" in (site / "index.html").read_text()


@pytest.mark.full
def test_every_link_has_an_existing_page_and_anchor(pages: dict[Path, Page]) -> None:
    dead = [
        (str(file), link)
        for file, page in pages.items()
        for link in page.links
        if not urlsplit(link).scheme and not leads_somewhere(file, link, pages)
    ]
    assert dead == []


def leads_somewhere(file: Path, link: str, pages: dict[Path, Page]) -> bool:
    parts = urlsplit(link)
    target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
    if not parts.fragment or target not in pages:
        return target.is_file()
    return unquote(parts.fragment) in pages[target].ids


@pytest.mark.full
def test_the_console_links_to_existing_sections(site: Path, pages: dict[Path, Page]) -> None:
    topics = json.loads((ROOT / "console/src/help/topics.json").read_text()).values()
    targets = [(topic["page"], topic.get("anchor")) for topic in topics]
    targets += [("workflow-files", f"{spec.type.replace('_', '-')}-block") for spec in CORE_BLOCKS]
    missing = [
        (page, anchor)
        for page, anchor in targets
        if (file := site / f"docs/{page}.html") not in pages or (anchor and anchor not in pages[file].ids)
    ]
    assert missing == []


@pytest.mark.full
def test_nothing_is_loaded_from_another_server(site: Path, pages: dict[Path, Page]) -> None:
    loaded = {address for page in pages.values() for address in page.loaded}
    assert len(loaded) > 10
    assert [address for address in loaded if urlsplit(address).netloc] == []
    styles = "".join(file.read_text() for file in site.rglob("*.css"))
    assert "url(http" not in styles
    assert "@import" not in styles


@pytest.mark.full
def test_readers_can_search_and_choose_a_dark_theme(site: Path) -> None:
    assert '"docs/recipes/webhooks"' in (site / "searchindex.js").read_text()
    page = (site / "docs/start/quickstart.html").read_text()
    assert 'action="../../search.html"' in page
    assert "theme-toggle" in page
    assert "prefers-color-scheme: dark" in "".join(file.read_text() for file in site.rglob("*.css"))
