"""Every change of the live version is broadcast after it is stored; a failing broker stops no deploy."""

import pytest
from prometheus_client import REGISTRY
from tests.support.deploy import DeployCaller, at, deploy_service, state
from tests.support.eventually import eventually

from deploy_service.settings import DeploySettings
from shared.broker.connect import open_broker
from shared.broker.memory import MemoryBroker, MemoryHub
from shared.broker.ports import Broker, BrokerUnavailable
from shared.broker.queue_topology import LONGEST_RUN_SECONDS, default_topology
from shared.contracts import deployments as contracts
from shared.contracts.messages import ControlMessage, LiveVersionChanged


class DeafBroker(MemoryBroker):
    """A broker whose broadcasts fail."""

    async def broadcast(self, message: ControlMessage) -> None:
        raise BrokerUnavailable("no broker")


@pytest.fixture
def broker(settings: DeploySettings) -> Broker:
    return open_broker(settings.amqp_url, service="deploy-service")


async def test_each_change_of_the_live_version_is_announced_with_its_revision(
    broker: Broker, settings: DeploySettings
) -> None:
    received: list[ControlMessage] = []
    async with deploy_service(settings, broker=broker) as gateway:
        await broker.control.listen(received.append)
        workflow = await gateway.create(state())
        await gateway.save(workflow.id, state("return 2"))
        revisions = [
            (await gateway.deploy(workflow.id)).endpoint.revision,
            (await gateway.promote(workflow.id, 1)).endpoint.revision,
            await access(gateway, workflow.id),
            await undeploy(gateway, workflow.id),
        ]
        await gateway.http.call("DELETE", at(workflow.id))
        await eventually(lambda: len(received) == 5)
    assert received[:4] == [LiveVersionChanged(workflow.id, revision) for revision in revisions]
    assert revisions == sorted(set(revisions))


async def access(gateway: DeployCaller, workflow_id: str) -> int:
    public = contracts.UpdateAccess(is_public=True)
    changed = await gateway.http.call("PATCH", at(workflow_id, "access"), body=public, returns=contracts.Workflow)
    return changed.endpoint.revision


async def undeploy(gateway: DeployCaller, workflow_id: str) -> int:
    path = at(workflow_id, "deployment")
    return (await gateway.http.call("DELETE", path, returns=contracts.Endpoint)).revision


async def test_a_broker_that_refuses_messages_fails_no_deploy_and_is_counted(
    settings: DeploySettings,
) -> None:
    def lost() -> float:
        return REGISTRY.get_sample_value("flowport_deploy_announcements_lost_total") or 0.0

    broker = DeafBroker(MemoryHub(default_topology(LONGEST_RUN_SECONDS)))
    before = lost()
    async with deploy_service(settings, broker=broker) as gateway:
        workflow = await gateway.create(state())
        assert (await gateway.deploy(workflow.id)).endpoint.is_deployed
        assert (await gateway.endpoint(workflow.id)).version == 1
    assert lost() == before + 1


async def test_a_refused_deploy_is_not_announced(settings: DeploySettings, broker: Broker) -> None:
    received: list[ControlMessage] = []
    async with deploy_service(settings, broker=broker) as gateway:
        await broker.control.listen(received.append)
        workflow = await gateway.create()
        with pytest.raises(Exception, match="Invalid workflow"):
            await gateway.deploy(workflow.id)
        other = await gateway.create(state())
        await gateway.deploy(other.id)
        await eventually(lambda: received)
    assert [message.workflow_id for message in received if isinstance(message, LiveVersionChanged)] == [other.id]


async def test_changes_of_live_versions_are_counted_by_action(settings: DeploySettings, broker: Broker) -> None:
    def counted() -> list[float]:
        name = "flowport_deploy_live_changes_total"
        return [REGISTRY.get_sample_value(name, {"action": each}) or 0.0 for each in ("deploy", "promote", "undeploy")]

    before = counted()
    async with deploy_service(settings, broker=broker) as gateway:
        workflow = await gateway.create(state())
        await gateway.deploy(workflow.id)
        await gateway.save(workflow.id, state("return 2"))
        await gateway.deploy(workflow.id)
        await gateway.promote(workflow.id, 1)
        await undeploy(gateway, workflow.id)
    assert [now - then for now, then in zip(counted(), before, strict=True)] == [2, 1, 1]
