"""Grafana dashboards from rows of panels."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

import msgspec

WIDTH: Final = 24
HEIGHT: Final = 8
GENERATED: Final = "Written by `make docs` from tools/observability; do not edit it."
SOURCE: Final = {"type": "prometheus", "uid": "${source}"}


@dataclass(frozen=True)
class Panel:
    """Panel. `queries` are PromQL by legend; a legend may contain labels, e.g. `{{job}}`."""

    title: str
    queries: Mapping[str, str]
    unit: str = "short"
    help: str = ""
    kind: str = "timeseries"
    threshold: float | None = None
    """Value from which the plot is red."""


@dataclass(frozen=True)
class Dashboard:
    """Dashboard with rows of panels."""

    uid: str
    title: str
    help: str
    rows: Sequence[tuple[str, Sequence[Panel]]]

    def queries(self) -> Iterator[str]:
        """Yield every query."""
        for _, panels in self.rows:
            for panel in panels:
                yield from map(restrict_to_namespace, panel.queries.values())
        yield from (annotation["expr"] for annotation in _ANNOTATIONS)

    def document(self) -> str:
        """Return the JSON document for Grafana."""
        page = {
            "uid": f"flowport-{self.uid}",
            "title": f"Flowport / {self.title}",
            "description": f"{self.help} {GENERATED}",
            "tags": ["flowport"],
            "schemaVersion": 41,
            "editable": False,
            "refresh": "30s",
            "time": {"from": "now-3h", "to": "now"},
            "graphTooltip": 1,
            "annotations": {"list": _ANNOTATIONS},
            "templating": {"list": [_SOURCE_CHOICE, _NAMESPACE_CHOICE]},
            "links": [_OTHERS],
            "panels": list(self._panels()),
        }
        return msgspec.json.format(msgspec.json.encode(page), indent=2).decode() + "\n"

    def _panels(self) -> Iterator[dict[str, Any]]:
        ids, top = count(1), 0
        for title, panels in self.rows:
            place = {"x": 0, "y": top, "w": WIDTH, "h": 1}
            yield {"id": next(ids), "type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []}
            width = WIDTH // len(panels)
            for column, panel in enumerate(panels):
                place = {"x": column * width, "y": top + 1, "w": width, "h": HEIGHT}
                yield {"id": next(ids), "gridPos": place, **_panel(panel)}
            top += 1 + HEIGHT


_SOURCE_CHOICE: Final = {"name": "source", "type": "datasource", "query": "prometheus", "label": "Prometheus"}
_NAMESPACE_CHOICE: Final = {
    "name": "namespace",
    "type": "query",
    "label": "Namespace",
    "datasource": SOURCE,
    "query": "label_values(flowport_build_info, namespace)",
    "refresh": 2,
    "includeAll": True,
    "allValue": ".*",
    "current": {"text": "All", "value": "$__all"},
}
"""Selects an installation. Outside of Kubernetes the label does not exist, and All matches."""
_OTHERS: Final = {"type": "dashboards", "title": "Flowport", "tags": ["flowport"], "asDropdown": True, "keepTime": True}


_SERIES: Final = re.compile(r"\b(?:flowport[_:][a-z0-9_:]+|process_[a-z_]+|up\b)({)?")


def restrict_to_namespace(query: str) -> str:
    """Restrict `query` to the selected namespace."""
    return _SERIES.sub(
        lambda found: f'{found[0].rstrip("{")}{{namespace=~"$namespace"{"," if found[1] else "}"}', query
    )


def _annotation(name: str, action: str, color: str) -> dict[str, Any]:
    changes = f'sum(increase(flowport_deploy_live_changes_total{{action="{action}"}}[1m])) > 0'
    return {
        "name": name,
        "datasource": SOURCE,
        "enable": True,
        "iconColor": color,
        "expr": restrict_to_namespace(changes),
        "step": "60s",
        "titleFormat": name,
    }


_ANNOTATIONS: Final = [_annotation("Deploys", "deploy", "blue"), _annotation("Promotes", "promote", "purple")]
"""Vertical lines where the live version of a workflow changed: most regressions begin there."""


def _panel(panel: Panel) -> dict[str, Any]:
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.help,
        "datasource": SOURCE,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0, **_thresholds(panel)}, "overrides": []},
        "options": _options(panel),
        "targets": [
            {
                "refId": chr(ord("A") + place),
                "expr": restrict_to_namespace(query),
                "legendFormat": legend,
                "datasource": SOURCE,
            }
            for place, (legend, query) in enumerate(panel.queries.items())
        ],
    }


def _options(panel: Panel) -> dict[str, Any]:
    if panel.kind == "stat":
        return {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value", "graphMode": "area"}
    return {"legend": {"displayMode": "table", "placement": "bottom", "calcs": ["mean", "max"]}}


def _thresholds(panel: Panel) -> dict[str, Any]:
    if panel.threshold is None:
        return {}
    steps = [{"color": "green", "value": None}, {"color": "red", "value": panel.threshold}]
    custom = {} if panel.kind == "stat" else {"custom": {"thresholdsStyle": {"mode": "line"}}}
    return {"thresholds": {"mode": "absolute", "steps": steps}, **custom}
