"""A real Prometheus on the running services: the series that it scrapes, and its alerts when something breaks."""

import asyncio
import re
import time
from collections.abc import Iterator, Set
from urllib.parse import urlsplit

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.support.alert_queries import ROOT, families, runbook_queries
from tests.support.brokers import publish_raw, raw_channel
from tests.support.prometheus import Prometheus
from tests.support.public_api import PublicApi
from tests.support.three_modes import run_in_three_modes
from tools.observability.grafana_panels import DASHBOARDS
from tools.reference.runbooks import alerts

from flowport.local.stack import Stack
from shared.broker.queue_topology import RECORDS
from shared.service import ServiceName

NEED_NOT_HAPPEN = {
    "dashboards": re.compile(r"sandbox_seconds|_workspace_|live_changes"),
    "runbooks": re.compile(r"failures|usable == 0|refusals|redeliveries|reaped|dead_letters|sandbox|5\.\."),
}
"""Series that exist only where scripts run, with labels of workspaces, after deploys and, in runbooks, after errors."""


def silent_queries(prometheus: Prometheus, queries: Set[str], exempt: re.Pattern[str]) -> list[str]:
    """Return queries without a result, except those about events that need not happen. All of them are valid."""
    chosen = {query: query.replace("$__rate_interval", "1m").replace("$namespace", ".*") for query in queries}
    silent = [query for query, source in chosen.items() if not prometheus.query(source)]
    return [query for query in silent if not exempt.search(query)]


@pytest.fixture(scope="module")
def prometheus(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that scrapes the first process of each service."""
    targets = {service.value: urlsplit(stack.url_of(service.value)).port or 0 for service in ServiceName}
    with Prometheus(tmp_path_factory.mktemp("prometheus") / "own", targets) as prometheus:
        prometheus.await_scrapes()
        yield prometheus


async def test_every_metric_on_a_dashboard_is_there(stack: Stack) -> None:
    scraped: set[str] = set()
    async with httpx2.AsyncClient(timeout=30) as client:
        for service in ServiceName:
            text = (await client.get(f"{stack.url_of(service.value)}/metrics")).raise_for_status().text
            found = text_string_to_metric_families(text)
            scraped |= {f"{family.name}_total" if family.type == "counter" else family.name for family in found}
    wanted = {name for dashboard in DASHBOARDS for query in dashboard.queries() for name in families(query)}
    assert wanted - scraped == set()


@pytest.mark.parametrize("source", ["dashboards", "runbooks"])
async def test_every_query_has_a_result(stack: Stack, prometheus: Prometheus, source: str) -> None:
    panels = {query for dashboard in DASHBOARDS for query in dashboard.queries()}
    queries = panels if source == "dashboards" else runbook_queries()
    assert queries
    deadline = time.monotonic() + 30
    while silent := await asyncio.to_thread(silent_queries, prometheus, queries, NEED_NOT_HAPPEN[source]):
        assert time.monotonic() < deadline, silent
        assert (await run_in_three_modes(stack.url, stack.mongodb_uri)).are_good


def test_a_counter_behind_a_paging_alert_exists_from_the_start(prometheus: Prometheus) -> None:
    counted = {
        name: re.findall(r"(?:increase|rate)\((\w+_total(?:\{[^}]*\})?)\[", alert["expr"])
        for name, alert in alerts(ROOT).items()
        if re.search(r"\) > [01]\s*$", alert["expr"])
    }
    assert {"FlowportDeadLetters", "FlowportRecordsDropped", "FlowportWorkersLost"} <= counted.keys()
    assert [counter for found in counted.values() for counter in found if not prometheus.query(counter)] == []


async def test_one_unreadable_message_fires_the_paging_alert(
    stack: Stack, prometheus: Prometheus, api: PublicApi
) -> None:
    async with raw_channel(stack.amqp_url) as channel:
        await publish_raw(channel, b"no message of ours", RECORDS)
    await asyncio.to_thread(prometheus.await_alert, "FlowportDeadLetters")
    found = await api.http.get("/api/v1/dead-letters", params={"workspaceId": api.workspace_id})
    for letter in found.json()["data"]:
        await api.http.delete(f"/api/v1/dead-letters/{letter['id']}")


def test_all_is_quiet_while_all_is_well(prometheus: Prometheus) -> None:
    services = {result["metric"]["service"] for result in prometheus.query("flowport_build_info == 1")}
    assert services == {service.value for service in ServiceName}
    prometheus.await_quiet({"FlowportServiceDown", "FlowportNoWorkers", "FlowportNoDispatcher"})


async def test_a_dead_service_fires_the_paging_alert(stack: Stack, prometheus: Prometheus) -> None:
    await asyncio.to_thread(stack.kill, ServiceName.DEPLOY)
    try:
        await asyncio.to_thread(prometheus.await_alert, "FlowportServiceDown")
    finally:
        await asyncio.to_thread(stack.restart, ServiceName.DEPLOY)
    await asyncio.to_thread(prometheus.await_scrapes)
