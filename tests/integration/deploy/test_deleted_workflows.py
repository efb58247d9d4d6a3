"""Deleted workflows: restorable for 30 days, then due for their permanent deletion."""

from collections.abc import AsyncIterator

import pytest
from tests.support.deploy import DeployCaller, at, running, state
from tests.support.gateway.clock import HandClock

from deploy_service.bootstrap import build
from deploy_service.settings import DeploySettings
from shared.clients.deploy.workflows import HttpDeployClient
from shared.contracts.chats import ChatLookup, ChatSettings, CreateChat
from shared.contracts.deployments import RestoreWorkflow, UpdateAccess
from shared.contracts.erasure import Erase
from shared.errors import NotFound
from shared.service import ServiceName

DAY_SECONDS = 24 * 3600
HOUR_SECONDS = 3600


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def gateway(settings: DeploySettings, clock: HandClock) -> AsyncIterator[DeployCaller]:
    """deploy-service with a clock that the test sets."""
    async with running(build(settings, clock=clock)) as app:
        caller = DeployCaller(app, settings, ServiceName.GATEWAY)
        yield caller
        await caller.http.stop()


@pytest.fixture
def service(gateway: DeployCaller) -> HttpDeployClient:
    return HttpDeployClient(gateway.http)


async def test_a_deleted_workflow_is_restored_with_its_versions(
    gateway: DeployCaller, service: HttpDeployClient
) -> None:
    workflow = await gateway.create(state())
    await gateway.deploy(workflow.id)
    await service.archive("ws", workflow.id)
    (listed,) = (await service.deleted("ws")).workflows
    assert (listed.id, listed.version) == (workflow.id, 1)
    restored = await service.restore("ws", workflow.id, RestoreWorkflow())
    assert restored.endpoint.version is None
    assert await gateway.numbers(workflow.id) == [1]
    assert (await gateway.draft(workflow.id)).state == state()
    assert (await service.deleted("ws")).workflows == ()


async def test_a_deleted_workflow_is_restored_with_its_live_version_on_request(
    gateway: DeployCaller, service: HttpDeployClient
) -> None:
    workflow = await gateway.create(state())
    live = (await gateway.deploy(workflow.id)).endpoint
    await service.archive("ws", workflow.id)
    restored = await service.restore("ws", workflow.id, RestoreWorkflow(redeploy=True))
    assert (restored.endpoint.version, restored.endpoint.snapshot_hash) == (1, live.snapshot_hash)
    assert restored.endpoint.revision > live.revision
    assert (await gateway.endpoint(workflow.id)).version == 1


async def test_a_restored_workflow_is_public_as_before_and_its_chat_stays_deleted(
    gateway: DeployCaller, service: HttpDeployClient
) -> None:
    workflow = await gateway.create(state())
    await gateway.deploy(workflow.id)
    await gateway.http.call("PATCH", at(workflow.id, "access"), body=UpdateAccess(is_public=True))
    chat = CreateChat("ws", workflow.id, ChatSettings(identifier="help-desk", title="Help"))
    await gateway.http.call("POST", "/internal/chats", body=chat)
    await service.archive("ws", workflow.id)
    restored = await service.restore("ws", workflow.id, RestoreWorkflow(redeploy=True))
    assert restored.endpoint.is_public
    assert (await gateway.endpoint(workflow.id)).is_public
    for path in (at(workflow.id, "chat"), "/internal/chats/at/help-desk"):
        assert (await gateway.http.call("GET", path, returns=ChatLookup)).chat is None


async def test_only_the_workspace_lists_and_restores_its_deleted_workflows(
    gateway: DeployCaller, service: HttpDeployClient
) -> None:
    deleted, present = await gateway.create(state()), await gateway.create(state())
    await service.archive("ws", deleted.id)
    assert (await service.deleted("other")).workflows == ()
    for workspace_id, workflow_id in (("other", deleted.id), ("ws", present.id), ("ws", "never")):
        with pytest.raises(NotFound):
            await service.restore(workspace_id, workflow_id, RestoreWorkflow())


async def test_the_last_deleted_workflow_is_listed_first(
    gateway: DeployCaller, service: HttpDeployClient, clock: HandClock
) -> None:
    first, second = await gateway.create(state()), await gateway.create(state())
    for workflow in (second, first):
        await service.archive("ws", workflow.id)
        clock.advance(1)
    assert [each.id for each in (await service.deleted("ws")).workflows] == [first.id, second.id]


async def test_a_workflow_expires_after_30_days_and_can_then_no_longer_be_restored(
    gateway: DeployCaller, service: HttpDeployClient, clock: HandClock
) -> None:
    workflow = await gateway.create(state())
    await service.archive("ws", workflow.id)
    clock.advance(30 * DAY_SECONDS)
    assert len((await service.deleted("ws")).workflows) == 1
    clock.advance(1)
    assert (await service.deleted("ws")).workflows == ()
    assert (await service.expired(10)).workflows == ()  # while another replica's clock may be behind
    with pytest.raises(NotFound):
        await service.restore("ws", workflow.id, RestoreWorkflow())
    clock.advance(HOUR_SECONDS)
    assert (await service.expired(10)).workflows == (Erase("ws", workflow.id),)
    await service.erase(Erase("ws", workflow.id))
    assert (await service.expired(10)).workflows == ()


async def test_a_restored_workflow_does_not_expire(
    gateway: DeployCaller, service: HttpDeployClient, clock: HandClock
) -> None:
    workflow = await gateway.create(state())
    await service.archive("ws", workflow.id)
    await service.restore("ws", workflow.id, RestoreWorkflow())
    clock.advance(60 * DAY_SECONDS)
    assert (await service.expired(10)).workflows == ()
