"""Services that start before broker and store exist wait for them, in the same process."""

import asyncio
from functools import partial
from pathlib import Path

import httpx2
from tests.support.eventually import eventually, until

from flowport.local.stack import Stack, StackPorts
from flowport.servers.rabbitmq import RabbitMQServer
from flowport.servers.secantus import SecantusServer
from shared.service import ServiceName


async def test_services_wait_for_broker_and_store_without_ending(tmp_path: Path) -> None:
    rabbitmq, store = RabbitMQServer(tmp_path / "rabbitmq"), SecantusServer(tmp_path / "store")
    places = {"FLOWPORT_AMQP_URL": rabbitmq.amqp_url, "FLOWPORT_MONGODB_URI": store.uri}
    stack = Stack(tmp_path / "home", ports=StackPorts.free(), environment=places)
    starting = asyncio.create_task(asyncio.to_thread(stack.start))
    try:
        await eventually(lambda: len(stack.names) == len(ServiceName))
        async with httpx2.AsyncClient(trust_env=False) as caller:
            for service in ServiceName:
                await until(partial(_is_alive, caller, stack.url_of(service)))
                unready = await caller.get(f"{stack.url_of(service)}/readyz")
                assert unready.status_code == 503
                (problem,) = unready.json()["problems"]
                assert problem.startswith("start: "), problem
        refused = httpx2.post(f"{stack.url}/api/workflows/any/execute", json={}, trust_env=False)
        assert (refused.status_code, refused.json()) == (503, {"error": "Service temporarily unavailable"})
        assert refused.headers["retry-after"]
        pids = {service: stack.pid(service) for service in ServiceName}
        store.start()
        rabbitmq.start()
        await starting
        assert pids == {service: stack.pid(service) for service in ServiceName}
    finally:
        await asyncio.wait({starting})
        stack.stop()
        rabbitmq.stop()
        store.kill()


async def _is_alive(caller: httpx2.AsyncClient, url: str) -> bool:
    return (await caller.get(f"{url}/healthz")).is_success
