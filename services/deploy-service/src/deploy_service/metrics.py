"""Metrics of deploy-service."""

from typing import Final

from prometheus_client import Counter

ANNOUNCEMENTS_LOST: Final = Counter(
    "flowport_deploy_announcements_lost_total", "Change broadcasts that failed; leases bound the delay."
)
LIVE_CHANGES: Final = Counter(
    "flowport_deploy_live_changes_total", "Changes of a workflow's live version: deploy, promote, undeploy.", ["action"]
)
for _action in ("deploy", "promote", "undeploy"):
    LIVE_CHANGES.labels(_action)  # counted from 0: to Prometheus, a counter that begins at 1 has not increased
