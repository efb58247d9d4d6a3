"""Metrics of deploy-service."""

from typing import Final

from prometheus_client import Counter

ANNOUNCEMENTS_LOST: Final = Counter(
    "flowport_deploy_announcements_lost_total", "Change broadcasts that failed; leases bound the delay."
)
