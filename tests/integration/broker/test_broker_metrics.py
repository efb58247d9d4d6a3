"""The rules for RabbitMQ use metric names of its plugin: a rule with a wrong name would never fire."""

import re
from pathlib import Path

import httpx2
from tests.support.eventually import eventually

from flowport.servers.rabbitmq import RabbitMQServer

RULES = Path(__file__).parents[3] / "deploy/prometheus/rules/broker.yml"


def scraped(server: RabbitMQServer) -> dict[str, str]:
    """Return the plugin's metrics without labels, with their values."""
    url = server.management_url.replace(f":{server.management_port}", f":{server.prometheus_port}/metrics")
    text = httpx2.get(url, timeout=30, trust_env=False).raise_for_status().text
    return dict(re.findall(r"^(rabbitmq_\w+) (\S+)$", text, flags=re.MULTILINE))


def test_rules_use_metrics_that_rabbitmq_exports(rabbitmq: RabbitMQServer) -> None:
    named = set(re.findall(r"\brabbitmq_\w+", RULES.read_text())) - {"rabbitmq_prometheus"}
    assert named
    assert named - scraped(rabbitmq).keys() == set()


async def test_low_disk_space_is_exported_as_the_rule_expects(rabbitmq: RabbitMQServer) -> None:
    assert scraped(rabbitmq)["rabbitmq_alarms_free_disk_space_watermark"] == "0"
    rabbitmq.ctl("set_disk_free_limit", "9999GB")
    try:
        await eventually(lambda: scraped(rabbitmq)["rabbitmq_alarms_free_disk_space_watermark"] == "1")
    finally:
        rabbitmq.ctl("set_disk_free_limit", "50MB")
