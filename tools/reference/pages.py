"""Files that are generated from code."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from tools.observability.grafana_panels import DASHBOARDS
from tools.observability.kubernetes import dashboard_maps, prometheus_rule
from tools.reference.blocks import blocks_page
from tools.reference.checks import checks_page
from tools.reference.configuration import configuration_page
from tools.reference.metrics import metrics_page
from tools.reference.models import models_file
from tools.reference.routes import routes_page
from tools.reference.runbooks import alerts_page
from tools.reference.workflow_files import workflow_files_page, workflow_schema

ROOT: Final = Path(__file__).parents[2]
PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "docs/blocks.md": blocks_page,
    "docs/checks.md": checks_page,
    "docs/workflow-files.md": workflow_files_page,
    "docs/workflow.schema.json": workflow_schema,
    "docs/api/routes.md": routes_page,
    "shared/src/shared/workflow/catalog/models.json": models_file,
    "docs/configuration.md": configuration_page,
    "docs/operations/metrics.md": metrics_page,
    "docs/operations/alerts.md": partial(alerts_page, ROOT),
    **{f"deploy/grafana/dashboards/{dashboard.uid}.json": dashboard.document for dashboard in DASHBOARDS},
    "k8s/components/monitoring/prometheus-rule.yaml": partial(prometheus_rule, ROOT),
    "k8s/components/monitoring/dashboards.yaml": dashboard_maps,
}


def write() -> None:
    """Write all files."""
    for page, render in PAGES.items():
        (ROOT / page).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / page).write_text(render(), encoding="utf-8")


def find_stale() -> list[str]:
    """Return the files that differ from their source."""
    return [page for page, render in PAGES.items() if _read(ROOT / page) != render()]


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""
