"""Which alerts page: the real Alertmanager with deploy/alertmanager/alertmanager.yml."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

import pytest
from tests.support.alertmanager import Alertmanager
from tests.support.eventually import eventually
from tools.reference.runbooks import alerts

ROOT: Final = Path(__file__).parents[3]
EXECUTOR: Final = "executor-service"
WITHOUT_EXECUTORS: Final = (
    "FlowportNoWorkers",
    "FlowportQueueStuck",
    "FlowportQueueFilling",
    "FlowportJobsRefused",
    "FlowportDispatchLag",
    "FlowportJobStartSlow",
    "FlowportFirstTokenSlow",
    "FlowportCallsFailing",
    "FlowportCallsFailingSlowly",
)
UNRELATED: Final = "FlowportKeyChecksFailing"


@pytest.fixture
async def alertmanager(tmp_path: Path) -> AsyncIterator[Alertmanager]:
    async with Alertmanager(tmp_path) as running:
        yield running


def firing(name: str, *, namespace: str = "flowport", **labels: str) -> Mapping[str, str]:
    """Return the labels of an alert, its severity as in the rules."""
    return {"alertname": name, "namespace": namespace, **alerts(ROOT)[name]["labels"], **labels}


async def pages_of(alertmanager: Alertmanager, *found: Mapping[str, str]) -> set[tuple[str, str]]:
    """Return name and namespace of each page about these alerts, once one about a later alert has arrived."""
    alertmanager.fire(found)
    last = firing(UNRELATED, namespace="marker")
    await eventually(lambda: alertmanager.pages)
    alertmanager.fire([last])
    await eventually(lambda: last in alertmanager.pages)
    assert len(alertmanager.pages) == len({tuple(sorted(page.items())) for page in alertmanager.pages})
    return {(page["alertname"], page["namespace"]) for page in alertmanager.pages if page != last}


async def test_a_dead_executor_pages_exactly_once(alertmanager: Alertmanager) -> None:
    consequences = [firing(name) for name in WITHOUT_EXECUTORS]
    pages = await pages_of(alertmanager, *consequences, firing("FlowportServiceDown", job=EXECUTOR))
    assert pages == {("FlowportServiceDown", "flowport")}


async def test_vanished_executors_page_exactly_once(alertmanager: Alertmanager) -> None:
    consequences = [firing(name) for name in WITHOUT_EXECUTORS]
    pages = await pages_of(alertmanager, *consequences, firing("FlowportServiceMissing", job=EXECUTOR))
    assert pages == {("FlowportNoWorkers", "flowport")}


async def test_another_installation_still_pages(alertmanager: Alertmanager) -> None:
    down = firing("FlowportServiceDown", job=EXECUTOR)
    failing = firing("FlowportCallsFailing", namespace="second")
    assert await pages_of(alertmanager, down, failing) == {
        ("FlowportServiceDown", "flowport"),
        ("FlowportCallsFailing", "second"),
    }


async def test_a_dead_deploy_service_does_not_hide_missing_workers(alertmanager: Alertmanager) -> None:
    down = firing("FlowportServiceDown", job="deploy-service")
    assert await pages_of(alertmanager, down, firing("FlowportNoWorkers"), firing("FlowportCallsFailing")) == {
        ("FlowportServiceDown", "flowport"),
        ("FlowportNoWorkers", "flowport"),
    }
