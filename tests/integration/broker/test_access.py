"""Each service's RabbitMQ user has exactly the permissions that the service needs."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from aiormq.exceptions import ChannelAccessRefused
from structlog.testing import capture_logs
from tests.support.brokers import collect_bodies, raw_channel
from tests.support.eventually import eventually
from tests.support.rabbitmq import RabbitMQServer, manage

from flowport.servers.ports import LOOPBACK
from shared.broker.connect import open_broker
from shared.broker.permissions import broker_user, service_permissions
from shared.broker.ports import Broker, Delivery, Settlement
from shared.broker.queue_topology import (
    ASYNC,
    DEAD,
    EVENTS,
    EXPRESS,
    INTERACTIVE,
    LONGEST_RUN_SECONDS,
    NESTED,
    RECORDS,
    default_topology,
)
from shared.broker.rabbitmq.declarations import declare_topology
from shared.broker.rabbitmq.management import Management
from shared.contracts.messages import CancelRun
from shared.service import ServiceName

CONSUMERS = {
    ServiceName.GATEWAY: set[str](),
    ServiceName.DEPLOY: set[str](),
    ServiceName.EXECUTOR: {EXPRESS, INTERACTIVE, NESTED, ASYNC},
    ServiceName.JOBS: {RECORDS, EVENTS, DEAD},
}


@pytest.fixture(params=list(ServiceName))
def service(request: pytest.FixtureRequest) -> ServiceName:
    """Each service in turn."""
    name: ServiceName = request.param
    return name


@pytest.fixture
async def url(rabbitmq: RabbitMQServer, service: ServiceName) -> str:
    """Address with the service's user."""
    password, management = uuid4().hex, Management(rabbitmq.management_url)
    await declare_topology(rabbitmq.amqp_url, default_topology(LONGEST_RUN_SECONDS))
    await management.set_user(broker_user(service), password, service_permissions(service))
    return f"amqp://{broker_user(service)}:{password}@{LOOPBACK}:{rabbitmq.port}/"


@pytest.fixture
async def broker(url: str, service: ServiceName) -> AsyncIterator[Broker]:
    """Broker opened by the service's user."""
    broker = open_broker(url, service=service)
    await broker.start()
    yield broker
    await broker.stop()


async def take(delivery: Delivery) -> Settlement:
    return Settlement.ACK


async def test_a_service_has_the_permissions_that_it_needs(broker: Broker, service: ServiceName) -> None:
    await broker.ping()
    received: asyncio.Queue[object] = asyncio.Queue()
    await broker.control.listen(received.put_nowait)
    await broker.control.broadcast(CancelRun("run"))
    assert await asyncio.wait_for(received.get(), 30) == CancelRun("run")
    for queue in CONSUMERS[service]:
        await broker.work.consume(queue, take, prefetch=1)
    if service is ServiceName.GATEWAY:
        inbox = await broker.replies.open_inbox(lambda batch: None, lambda: None)
        assert inbox.address


async def test_a_changed_password_is_reported_at_the_next_connection(
    rabbitmq: RabbitMQServer, broker: Broker, service: ServiceName
) -> None:
    await Management(rabbitmq.management_url).set_user(broker_user(service), uuid4().hex, service_permissions(service))
    with capture_logs() as logs:
        manage(rabbitmq, "DELETE", f"connections/username/{broker_user(service)}")
        await eventually(lambda: any("ACCESS_REFUSED" in line.get("reason", "") for line in logs))
        await asyncio.sleep(1)
    refused = [line for line in logs if "ACCESS_REFUSED" in line.get("reason", "")]
    assert {line["event"] for line in refused} == {"broker_connect_failed"}
    assert {line["log_level"] for line in refused} == {"warning"}
    assert len(refused) == 2, "one for each connection, however often it tries"


async def test_a_service_cannot_read_other_queues(url: str, service: ServiceName) -> None:
    for queue in set(default_topology(LONGEST_RUN_SECONDS).queues) - CONSUMERS[service]:
        async with raw_channel(url) as channel:
            with pytest.raises(ChannelAccessRefused):
                await collect_bodies(channel, queue)


async def test_a_service_cannot_create_or_delete_queues(url: str) -> None:
    async with raw_channel(url) as channel:
        with pytest.raises(ChannelAccessRefused):
            await channel.queue_declare("of.my.own", durable=True)
    async with raw_channel(url) as channel:
        with pytest.raises(ChannelAccessRefused):
            await channel.queue_delete(INTERACTIVE)
