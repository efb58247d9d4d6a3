"""What deploy-service counts."""

from typing import Final

from prometheus_client import Counter

ANNOUNCEMENTS_LOST: Final = Counter(
    "flowport_deploy_announcements_lost_total", "Changes that the broker did not take; leases bound the delay."
)
