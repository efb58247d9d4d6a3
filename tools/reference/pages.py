"""Which pages there are."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tools.reference.configuration import configuration_page
from tools.reference.metrics import metrics_page

ROOT: Final = Path(__file__).parents[2]
PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "docs/configuration.md": configuration_page,
    "docs/operations/metrics.md": metrics_page,
}


def write() -> None:
    """Write every page."""
    for page, render in PAGES.items():
        (ROOT / page).write_text(render(), encoding="utf-8")


def stale() -> list[str]:
    """The pages that are not as the code says."""
    return [page for page, render in PAGES.items() if _read(ROOT / page) != render()]


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""
