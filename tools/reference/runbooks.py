"""docs/operations/alerts.md: every alert with its page."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

_HEAD: Final = """# Alerts

Written by `make docs` from `deploy/prometheus/rules`; do not edit it. A page wakes somebody; a ticket can wait for the
morning. Each alert has a page of its own: what it means, where to look, what to do.

| alert | severity | fires after |
|---|---|---|
"""


def alerts_page(root: Path) -> str:
    """The page."""
    rows = (
        f"| [{name}](runbooks/{name}.md) | {rule['labels']['severity']} | {rule.get('for', 'at once')} |"
        for name, rule in alerts(root).items()
    )
    return _HEAD + "\n".join(rows) + "\n"


def alerts(root: Path) -> Mapping[str, Any]:
    """Every alerting rule, by name."""
    return {
        rule["alert"]: rule
        for file in sorted((root / "deploy/prometheus/rules").glob("*.yml"))
        for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
