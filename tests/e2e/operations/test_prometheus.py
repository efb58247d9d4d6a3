"""The real Prometheus on the running services: what it finds, and what it says when something breaks."""

import asyncio
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.support.prometheus import Prometheus
from tests.support.public_door import PublicDoor
from tests.unit.operations.test_alerts_and_dashboards import families
from tools.observability.dashboards import DASHBOARDS

from flowport.stack import Stack
from shared.service import ServiceName


@pytest.fixture(scope="module")
def prometheus(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Scrapes the first process of each service."""
    targets = {service.value: urlsplit(stack.url_of(service.value)).port or 0 for service in ServiceName}
    with Prometheus(tmp_path_factory.mktemp("prometheus") / "own", targets) as prometheus:
        prometheus.await_scrapes()
        yield prometheus


async def test_every_metric_on_a_dashboard_is_there(stack: Stack, door: PublicDoor) -> None:
    scraped: set[str] = set()
    async with httpx.AsyncClient() as client:
        for service in ServiceName:
            text = (await client.get(f"{stack.url_of(service.value)}/metrics")).raise_for_status().text
            found = text_string_to_metric_families(text)
            scraped |= {f"{family.name}_total" if family.type == "counter" else family.name for family in found}
    wanted = {name for dashboard in DASHBOARDS for query in dashboard.queries() for name in families(query)}
    assert wanted - scraped == set()


def test_prometheus_reads_every_query(prometheus: Prometheus) -> None:
    for dashboard in DASHBOARDS:
        for query in dashboard.queries():
            prometheus.query(query.replace("$__rate_interval", "1m"))


def test_all_is_quiet_while_all_is_well(prometheus: Prometheus) -> None:
    services = {result["metric"]["service"] for result in prometheus.query("flowport_build_info == 1")}
    assert services == {service.value for service in ServiceName}
    prometheus.await_quiet({"FlowportServiceDown", "FlowportNoWorkers", "FlowportNoDispatcher"})


async def test_somebody_is_paged_when_a_service_dies(stack: Stack, prometheus: Prometheus) -> None:
    await asyncio.to_thread(stack.kill, ServiceName.DEPLOY)
    try:
        await asyncio.to_thread(prometheus.await_alert, "FlowportServiceDown")
    finally:
        await asyncio.to_thread(stack.restart, ServiceName.DEPLOY)
    await asyncio.to_thread(prometheus.await_scrapes)
