"""Alerts and dashboards as Kubernetes objects."""

from pathlib import Path
from typing import Any, Final

import yaml

from tools.observability.grafana_panels import DASHBOARDS

RULES: Final = Path("deploy/prometheus/rules")
_HEAD: Final = "# Written by `make docs`; do not edit it.\n"


def prometheus_rule(root: Path) -> str:
    """Return the rules for the Prometheus operator."""
    groups = [group for file in sorted((root / RULES).glob("*.yml")) for group in _read(file)["groups"]]
    return _object(
        {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PrometheusRule",
            "metadata": {"name": "flowport"},
            "spec": {"groups": groups},
        }
    )


def dashboard_maps() -> str:
    """Return a ConfigMap for each dashboard, with the label of Grafana's sidecar."""
    objects = (
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": f"flowport-dashboard-{dashboard.uid}", "labels": {"grafana_dashboard": "1"}},
            "data": {f"{dashboard.uid}.json": dashboard.document()},
        }
        for dashboard in DASHBOARDS
    )
    return _HEAD + "---\n".join(map(_dump, objects))


def _read(file: Path) -> Any:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def _object(value: Any) -> str:
    return _HEAD + _dump(value)


def _dump(value: Any) -> str:
    return str(yaml.safe_dump(value, sort_keys=False, width=1_000))
