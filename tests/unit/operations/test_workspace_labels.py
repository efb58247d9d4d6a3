"""Workspaces become labels only if a setting enables it, and then only a bounded number."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY

from gateway.metrics import count_by_workspace, count_run
from jobs_service.metrics import SHOWN_WORKSPACES, WORKSPACE_QUEUED, show_workspaces


@pytest.fixture
def by_workspace() -> Iterator[None]:
    """Value of FLOWPORT_METRICS_BY_WORKSPACE."""
    count_by_workspace(True)
    yield
    count_by_workspace(False)


def runs_of(workspace: str) -> float | None:
    return REGISTRY.get_sample_value("flowport_gateway_workspace_runs_total", {"workspace": workspace, "mode": "sync"})


def test_workspaces_are_not_labels_by_default() -> None:
    workspace = uuid4().hex
    count_run(workspace, "sync")
    assert runs_of(workspace) is None


@pytest.mark.usefixtures("by_workspace")
def test_runs_are_counted_by_workspace_where_it_is() -> None:
    workspace = uuid4().hex
    count_run(workspace, "sync")
    count_run(workspace, "sync")
    assert runs_of(workspace) == 2


def test_only_the_longest_queues_are_shown_and_empty_ones_are_forgotten() -> None:
    show_workspaces({f"w{number}": number for number in range(1, SHOWN_WORKSPACES + 50)})
    shown = {sample.labels["workspace"] for sample in next(iter(WORKSPACE_QUEUED.collect())).samples}
    assert len(shown) == SHOWN_WORKSPACES
    assert "w1" not in shown
    show_workspaces({})
    assert next(iter(WORKSPACE_QUEUED.collect())).samples == []
