"""A called workflow runs in its live version, and only within its workspace."""

import json

import httpx2
import msgspec
import pytest
from pydantic import SecretStr
from tests.support.executor.fakes import workflow

from executor_service.adapters.child_workflows import DeployedChildWorkflows
from executor_service.application.workflow_cache import WorkflowCache
from executor_service.engine import ChildPin
from shared.clients.deploy.worker import WorkerDeployClient
from shared.contracts.deployments import Endpoint
from shared.errors import Unavailable
from shared.service import ServiceName
from shared.web.client import InternalClient
from shared.web.internal_auth import ServiceTokens


class DeployService:
    """Return deploy-service's answer for one workflow."""

    def __init__(self) -> None:
        self.endpoint = Endpoint(workflow_id="child", workspace_id="w1", name="Child", revision=1, snapshot_hash="one")
        self.is_up = True
        self.requests: list[str] = []

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        if not self.is_up:
            raise httpx2.ConnectError("connection refused")
        self.requests.append(str(request.url.raw_path, "ascii"))
        if request.url.path.startswith("/internal/snapshots/w1/"):
            return httpx2.Response(200, content=json.dumps(workflow()))
        if request.url.path == "/internal/workflows/child/endpoint" and request.url.params["workspace_id"] == "w1":
            return httpx2.Response(200, content=msgspec.json.encode(self.endpoint))
        return httpx2.Response(404, json={"code": "NOT_FOUND", "message": "no such workflow"})


@pytest.fixture
def service() -> DeployService:
    return DeployService()


@pytest.fixture
def children(service: DeployService) -> DeployedChildWorkflows:
    client = InternalClient(
        "http://deploy-service",
        caller=ServiceName.EXECUTOR,
        tokens=ServiceTokens({ServiceName.EXECUTOR: SecretStr("s3cret")}),
        timeout=30,
        transport=httpx2.MockTransport(service.answer),
    )
    deployments = WorkerDeployClient(client)
    return DeployedChildWorkflows(deployments, WorkflowCache(deployments, entries=4))


async def test_a_child_is_its_live_version(children: DeployedChildWorkflows) -> None:
    child = await children.find("w1", "child")
    assert child is not None
    assert (child.name, child.snapshot_id, list(child.compiled.blocks)) == ("Child", "one", ["start", "work"])


async def test_a_version_that_was_called_before_is_found_though_another_is_live(
    service: DeployService, children: DeployedChildWorkflows
) -> None:
    service.endpoint = msgspec.structs.replace(service.endpoint, snapshot_hash="two")
    child = await children.find_pinned("w1", ChildPin("child", "Child", "one"))
    assert (child.name, child.snapshot_id) == ("Child", "one")
    assert service.requests == [
        "/internal/workflows/child/endpoint?workspace_id=w1&snapshot_hash=one",
        "/internal/snapshots/w1/one",
    ]


async def test_a_promote_of_the_child_acts_at_the_next_call(
    service: DeployService, children: DeployedChildWorkflows
) -> None:
    await children.find("w1", "child")
    service.endpoint = msgspec.structs.replace(service.endpoint, snapshot_hash="two")
    child = await children.find("w1", "child")
    assert child is not None
    assert child.snapshot_id == "two"


async def test_a_version_is_compiled_once_however_often_it_is_called(
    service: DeployService, children: DeployedChildWorkflows
) -> None:
    for _ in range(3):
        await children.find("w1", "child")
    assert [path for path in service.requests if "/snapshots/" in path] == ["/internal/snapshots/w1/one"]


async def test_a_workflow_without_a_live_version_cannot_be_called(
    service: DeployService, children: DeployedChildWorkflows
) -> None:
    service.endpoint = msgspec.structs.replace(service.endpoint, snapshot_hash=None)
    assert await children.find("w1", "child") is None


async def test_a_workflow_of_another_workspace_cannot_be_called(
    service: DeployService, children: DeployedChildWorkflows
) -> None:
    assert await children.find("w2", "child") is None
    service.endpoint = msgspec.structs.replace(service.endpoint, workspace_id="w2")
    assert await children.find("w1", "child") is None


@pytest.mark.parametrize("workflow_id", ["", "..", "../../environment/w1", "child/endpoint?x=", "child%2f..", "ch ild"])
async def test_an_invalid_workflow_id_is_not_looked_up(
    service: DeployService, children: DeployedChildWorkflows, workflow_id: str
) -> None:
    assert await children.find("w1", workflow_id) is None
    assert service.requests == []


async def test_an_unavailable_service_is_not_reported_as_a_missing_child(
    service: DeployService, children: DeployedChildWorkflows
) -> None:
    service.is_up = False
    with pytest.raises(Unavailable):
        await children.find("w1", "child")
