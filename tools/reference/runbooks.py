"""docs/operations/alerts.md: every alert with its runbook."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

_HEAD: Final = """# Alerts

Written by `make docs` from `deploy/prometheus/rules`; do not edit it. A page needs action now; a ticket can wait until
the next working day. Each alert has a runbook: meaning, diagnosis and actions.

`runbook_url` of each alert is absolute once the external label `runbooks` of Prometheus names the URL of the folder
`docs/operations/runbooks` as your people reach it: `FLOWPORT_RUNBOOKS_URL` in `deploy/.env`, with the Prometheus
operator `spec.externalLabels.runbooks` of the `Prometheus` object.

One dead service pages once: `deploy/alertmanager/alertmanager.yml` mutes the alerts about its effects, and a dead
executor pages within 90 s. With your own Alertmanager, copy its `inhibit_rules` and the `group_wait` of pages.

| alert | severity | fires after |
|---|---|---|
"""


def alerts_page(root: Path) -> str:
    """Return the page."""
    rows = (
        f"| [{name}](runbooks/{name}.md) | {rule['labels']['severity']} | {rule.get('for', 'immediately')} |"
        for name, rule in alerts(root).items()
    )
    return _HEAD + "\n".join(rows) + "\n"


def alerts(root: Path) -> Mapping[str, Any]:
    """Return every alerting rule, by name."""
    return {
        rule["alert"]: rule
        for file in sorted((root / "deploy/prometheus/rules").glob("*.yml"))
        for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
