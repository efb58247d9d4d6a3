"""Sphinx configuration of the documentation site. `make docs-site` builds it into dist/site."""

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
START = "docs/README"

project = "Flowport"
author = "Flowport contributors"
extensions = ["myst_parser"]
root_doc = START
include_patterns = ["*.md", "docs/**.md", "examples/**.md", "benchmarks/**.md"]
exclude_patterns = ["**/node_modules", ".venv", ".git", "console", "dist", "tests", "services"]
suppress_warnings = ["myst.header", "misc.highlighting_failure"]

myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]

html_theme = "furo"
html_title = "Flowport"
html_favicon = "../../console/public/favicon.svg"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
# The theme shows no remote image, font or script: pages work without the internet.
html_theme_options = {"navigation_with_keys": True}

# The navigation. Pages stay where they are; this table orders them. `*` stands for the other pages of a folder.
NAVIGATION: dict[str, list[str]] = {
    "Start": ["docs/start/quickstart", "docs/start/first-workflow", "docs/start/concepts", "examples/README"],
    "Write workflows": [
        "docs/workflows",
        "docs/workflow-files",
        "docs/blocks",
        "docs/functions",
        "docs/agents",
        "docs/*",
        "docs/console/README",
        "examples/custom_block/README",
    ],
    "Recipes": [
        "docs/recipes/real-model",
        "docs/recipes/retries",
        "docs/recipes/human-approval",
        "docs/recipes/webhooks",
        "docs/recipes/ci-pipeline",
        "examples/pipeline/README",
    ],
    "Migrate": ["docs/moving", "docs/migrate/sim", "docs/migrate/n8n", "docs/migrate/langflow"],
    "API": [
        "docs/api/execute",
        "docs/api/streams",
        "docs/api/runs",
        "docs/api/deploy",
        "docs/api/reliability",
        "docs/api/access",
        "docs/api/rate-limits",
        "docs/api/files",
        "docs/api/logs",
        "docs/api/openai",
        "docs/api/mcp",
        "docs/api/a2a",
        "docs/api/chat",
        "docs/api/samples",
        "docs/api/*",
        "docs/api/routes",
    ],
    "Operations": ["docs/operations/README", "docs/configuration", "SECURITY"],
    "Help": ["docs/help/troubleshooting", "docs/help/faq", "docs/glossary"],
    "Project": [
        "README",
        "CHANGELOG",
        "docs/versioning",
        "ARCHITECTURE",
        "docs/adr/README",
        "benchmarks/README",
        "CONTRIBUTING",
    ],
}

SUBFOLDERS = {
    "docs/operations/README": "docs/operations",
    "docs/operations/alerts": "docs/operations/runbooks",
    "docs/adr/README": "docs/adr",
}
"""Pages that lead to all pages of a folder, ordered by name."""


def add_navigation(app: Sphinx, page: str, source: list[str]) -> None:
    """Append lists of pages to the pages that lead to them. GitHub shows the same files without these lists."""
    if page == START:
        named = {page for pages in NAVIGATION.values() for page in pages}
        for caption, pages in NAVIGATION.items():
            source[0] += page_list([each for page in pages for each in expand(page, named)], caption)
    elif folder := SUBFOLDERS.get(page):
        pages = sorted(f"{folder}/{file.stem}" for file in (ROOT / folder).glob("*.md") if file.stem != "README")
        source[0] += page_list(pages)


def expand(page: str, named: set[str]) -> list[str]:
    """Return a page, or for a pattern the pages that match it and are not named themselves."""
    if not page.endswith("*"):
        return [page]
    found = sorted(file.relative_to(ROOT).with_suffix("").as_posix() for file in ROOT.glob(f"{page}.md"))
    return [each for each in found if each not in named | {START}]


def page_list(pages: list[str], caption: str = "") -> str:
    """Return a list of pages for the navigation, as MyST writes it."""
    options = f":caption: {caption}\n" if caption else ""
    return f"\n\n```{{toctree}}\n:hidden:\n{options}\n" + "\n".join(f"/{page}" for page in pages) + "\n```\n"


def drop_links_to_folders(app: Sphinx, page: nodes.document) -> None:
    """Replace links to folders of source code, which the site does not contain, by their texts."""
    for link in list(page.findall(addnodes.pending_xref)):
        if (Path(page["source"]).parent / link["reftarget"]).is_dir():
            link.replace_self(link.children)


def write_start_page(app: Sphinx, error: Exception | None) -> None:
    """Let the site's root lead to the first page."""
    (app.outdir / "index.html").write_text(
        f'<!doctype html><meta http-equiv="refresh" content="0; url={START}.html">\n'
    )


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the handlers."""
    app.connect("source-read", add_navigation)
    app.connect("doctree-read", drop_links_to_folders)
    app.connect("build-finished", write_start_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
