"""The system under test: each part as a separate process, and the outside servers that observe it."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tests.faults.harness.witness import Witness
from tests.support.model_server import ModelServer
from tests.support.public_api import PublicApi
from tests.support.silent_proxy import Line

from flowport.local.stack import Stack, StackPorts
from gateway.access.plans import PlanName
from gateway.first_key import make_first_key
from gateway.settings import GatewaySettings
from shared.service import ServiceName

GATEWAYS: Final = ("gateway", "gateway-2")
EXECUTORS: Final = ("executor-service", "executor-service-2")
JOBS: Final = ("jobs-service", "jobs-service-2")
DEPLOY: Final = "deploy-service"
BROKER: Final = "broker"
STORE: Final = "store"
ENVIRONMENT: Final = {
    "FLOWPORT_OUTBOUND_ALLOW": "127.0.0.1",
    "FLOWPORT_DEFAULT_PLAN": "benchmark",
    "FLOWPORT_DRAIN_NOTICE_SECONDS": "3",
    "FLOWPORT_LOG_LEVEL": "warning",
}


@dataclass(frozen=True)
class Options:
    """Duration and rate; everything random depends on `seed`."""

    seconds: float
    rate: float
    seed: int

    @property
    def shown(self) -> str:
        """Return a description for people."""
        return f"seed {self.seed}, {self.rate:g} jobs a second and kills for {self.seconds:g} s where they are"


@dataclass(frozen=True)
class Scene:
    """The parts that a scenario uses."""

    stack: Stack
    witness: Witness
    models: ModelServer
    options: Options
    workspace_id: str
    api_key: str
    say: Callable[[str], None]

    @property
    def gateway_urls(self) -> list[str]:
        """Clients of all gateways."""
        return [self.stack.url_of(name) for name in GATEWAYS]

    def chance(self, name: str) -> random.Random:
        """Return a random generator for scenario `name` that depends only on the seed."""
        return random.Random(f"{self.options.seed} {name}")

    @asynccontextmanager
    async def api(self, gateway: str = "gateway") -> AsyncIterator[PublicApi]:
        """Yield a client of one gateway."""
        api = PublicApi(self.stack.url_of(gateway), self.api_key, self.workspace_id)
        try:
            yield api
        finally:
            await api.close()

    async def kill(self, name: str) -> None:
        """Kill a process or a server, like a crash."""
        if name == BROKER:
            assert self.stack.rabbitmq is not None
            await asyncio.to_thread(self.stack.rabbitmq.kill)
        elif name == STORE:
            assert self.stack.store is not None
            await asyncio.to_thread(self.stack.store.kill)
        else:
            await asyncio.to_thread(self.stack.kill, name)

    async def revive(self, name: str, **environment: str) -> None:
        """Restart it, and wait until it is ready."""
        if name == BROKER:
            assert self.stack.rabbitmq is not None
            await asyncio.to_thread(self.stack.rabbitmq.start)
        elif name == STORE:
            assert self.stack.store is not None
            await asyncio.to_thread(self.stack.store.start)
        else:
            await asyncio.to_thread(self.stack.restart, name, environment=environment)


@asynccontextmanager
async def scene(folder: Path, options: Options, say: Callable[[str], None]) -> AsyncIterator[Scene]:
    """Start two gateways, two executors, two jobs-services behind a balancer, one deploy-service, RabbitMQ and the
    store."""
    async with AsyncExitStack() as opened:
        witness = opened.enter_context(Witness(answer_seconds=0.1))
        models = opened.enter_context(ModelServer())
        balancer = await opened.enter_async_context(Line())
        environment = {
            **ENVIRONMENT,
            "VLLM_BASE_URL": models.url,
            "FLOWPORT_JOBS_URL": f"http://127.0.0.1:{balancer.port}",
        }
        ports = StackPorts.free()
        balancer.targets.append(ports.of(ServiceName.JOBS))
        stack = Stack(folder, ports=ports, executors=len(EXECUTORS), environment=environment)
        opened.push_async_callback(asyncio.to_thread, stack.stop)
        say("Starting RabbitMQ, the store and seven processes")
        await asyncio.to_thread(stack.start)
        await asyncio.to_thread(stack.scale, ServiceName.GATEWAY, len(GATEWAYS))
        await asyncio.to_thread(stack.scale, ServiceName.JOBS, len(JOBS))
        balancer.targets.append(urlsplit(stack.url_of(JOBS[1])).port or 0)
        made = await make_first_key(GatewaySettings(mongodb_uri=stack.mongodb_uri, default_plan=PlanName.SELF_HOSTED))
        yield Scene(stack, witness, models, options, made.workspace_id, made.api_key, say)
