"""Permanent deletion removes a workflow from every collection, and nothing of others."""

from collections.abc import AsyncIterator

import pytest
from tests.support.deploy import DeployCaller, at, state
from tests.support.eventually import until

from deploy_service.application import deletion
from shared.contracts import deployments as contracts
from shared.contracts.agents import AgentSettings, CreateAgent
from shared.contracts.chats import ChatSettings, CreateChat
from shared.contracts.deployments import SetEnvironmentValue
from shared.contracts.erasure import Erase, Erased
from shared.contracts.tool_servers import CreateToolServer, ToolServerSettings
from shared.store.client import Store

OF_WORKFLOWS = ("workflows", "drafts", "versions", "chats", "agents", "snapshots", "ephemeral_snapshots")


@pytest.fixture
async def store(mongodb_uri: str, mongodb_prefix: str) -> AsyncIterator[Store]:
    store = Store(mongodb_uri, f"{mongodb_prefix}_deploy")
    yield store
    await store.stop()


async def publish(gateway: DeployCaller, name: str, *, workspace: str = "ws", code: str = "return 1") -> str:
    """Create a workflow with every feature: deployed, a chat, an agent, and run as a draft."""
    workflow_id = (await gateway.create(state(code), workspace=workspace)).id
    await gateway.deploy(workflow_id, workspace=workspace)
    chat = CreateChat(workspace, workflow_id, ChatSettings(identifier=name, title=name))
    await gateway.http.call("POST", "/internal/chats", body=chat)
    agent = CreateAgent(workspace, workflow_id, AgentSettings(name=name))
    await gateway.http.call("POST", "/internal/agents", body=agent)
    order = contracts.SnapshotDraft(state=state(f"return '{name}'"))
    await gateway.http.call("POST", at(workflow_id, "draft/snapshot", workspace), body=order)
    return workflow_id


async def erase(gateway: DeployCaller, workspace: str, workflow_id: str | None = None) -> None:
    """Delete until nothing is left, as the gateway does."""

    async def is_done() -> bool:
        body = Erase(workspace, workflow_id)
        return not (await gateway.http.call("POST", "/internal/erasures", body=body, returns=Erased)).has_more

    await until(is_done)


async def counts(store: Store, *names: str) -> dict[str, int]:
    return {name: await store.collection(name).count_documents({}) for name in names}


async def snapshot(executor: DeployCaller, gateway: DeployCaller, workflow_id: str, workspace: str = "ws") -> bytes:
    """Return the snapshot that calls of the workflow run."""
    live = await gateway.endpoint(workflow_id)
    return await executor.http.fetch("GET", f"/internal/snapshots/{workspace}/{live.snapshot_hash}")


async def test_deleting_a_workflow_removes_its_data_and_no_shared_state(
    gateway: DeployCaller, executor: DeployCaller, store: Store
) -> None:
    deleted, twin = await publish(gateway, "gone"), await publish(gateway, "twin")
    elsewhere = await publish(gateway, "elsewhere", workspace="other")
    for workflow_id, workspace in ((deleted, "ws"), (elsewhere, "other")):
        await gateway.save(workflow_id, state("return 2"), workspace=workspace)
        await gateway.deploy(workflow_id, workspace=workspace)
    await erase(gateway, "ws", deleted)
    assert await counts(store, *OF_WORKFLOWS) == dict.fromkeys(OF_WORKFLOWS, 2) | {"versions": 3, "snapshots": 3}
    assert await snapshot(executor, gateway, twin)
    assert await snapshot(executor, gateway, elsewhere, "other")


async def test_a_workspace_deletes_no_workflow_of_another(
    gateway: DeployCaller, executor: DeployCaller, store: Store
) -> None:
    workflow_id = await publish(gateway, "mine")
    await erase(gateway, "other", workflow_id)
    assert await counts(store, *OF_WORKFLOWS) == dict.fromkeys(OF_WORKFLOWS, 1)
    assert await snapshot(executor, gateway, workflow_id)


async def test_a_state_that_two_workflows_ran_as_draft_goes_with_the_second(
    gateway: DeployCaller, store: Store
) -> None:
    first, second = [(await gateway.create(state())).id for _ in range(2)]
    for workflow_id in (first, second):
        order = contracts.SnapshotDraft(state=state("return 'both'"))
        await gateway.http.call("POST", at(workflow_id, "draft/snapshot", "ws"), body=order)
    await erase(gateway, "ws", first)
    assert await counts(store, "ephemeral_snapshots") == {"ephemeral_snapshots": 1}
    await erase(gateway, "ws", second)
    assert await counts(store, "ephemeral_snapshots") == {"ephemeral_snapshots": 0}


async def test_many_versions_go_with_their_workflow(
    gateway: DeployCaller, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "DOCUMENTS_AT_ONCE", 2)
    workflow_id = await publish(gateway, "mine")
    for number in range(4):
        await gateway.save(workflow_id, state(f"return -{number}"))
        await gateway.deploy(workflow_id)
    await erase(gateway, "ws", workflow_id)
    assert await counts(store, *OF_WORKFLOWS) == dict.fromkeys(OF_WORKFLOWS, 0)


async def test_many_workflows_go_with_their_workspace(
    gateway: DeployCaller, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "WORKFLOWS_AT_ONCE", 2)
    for _ in range(5):
        await gateway.create(state())
    await erase(gateway, "ws")
    assert await counts(store, "workflows", "drafts") == {"workflows": 0, "drafts": 0}


async def test_many_values_go_with_their_workspace(
    gateway: DeployCaller, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "DOCUMENTS_AT_ONCE", 2)
    for number in range(5):
        value = SetEnvironmentValue("v", "ann")
        await gateway.http.call("PUT", f"/internal/environment/ws/names/A{number}", body=value)
    await erase(gateway, "ws")
    assert await counts(store, "environment") == {"environment": 0}


@pytest.mark.parametrize("other", ["ws0", "w", "ws-2"])
async def test_a_deleted_workspace_takes_nothing_of_one_whose_id_is_alike(
    gateway: DeployCaller, executor: DeployCaller, store: Store, other: str
) -> None:
    for workspace in ("ws", other):
        await publish(gateway, f"chat-{workspace}", workspace=workspace)
        value = SetEnvironmentValue("v", "ann")
        await gateway.http.call("PUT", f"/internal/environment/{workspace}/names/A", body=value)
        body = CreateToolServer(workspace, ToolServerSettings(name="Desk"))
        await gateway.http.call("POST", "/internal/tool-servers", body=body)
    await erase(gateway, "ws")
    everything = (*OF_WORKFLOWS, "environment", "tool_servers")
    assert await counts(store, *everything) == dict.fromkeys(everything, 1)
    for name in ("workflows", "versions", "chats", "agents", "environment", "tool_servers"):
        assert [each["workspace_id"] for each in await store.collection(name).find().to_list()] == [other]
