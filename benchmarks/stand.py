"""What is measured, running: the real stack, and beside it the bare broker path on the same RabbitMQ."""

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import workflows
from benchmarks.http_load import Target
from flowport.first_use import ensure_credentials
from flowport.home import Credentials, Home
from flowport.public_api import PublicApi
from flowport.servers.ports import LOOPBACK, free_port
from flowport.servers.process import ServerProcess, accepts_connections
from flowport.stack import Stack, StackPorts
from gateway.settings import GatewaySettings

ENVIRONMENT = {"FLOWPORT_DEFAULT_PLAN": "benchmark", "FLOWPORT_LOG_LEVEL": "warning"}


@dataclass(frozen=True)
class Stand:
    """Everything a scenario needs."""

    stack: Stack
    no_op: Target
    stream: Target
    bare: Target


@contextmanager
def standing(folder: Path, *, executors: int = 1) -> Iterator[Stand]:
    """Everything is up, deployed and warm inside."""
    with ExitStack() as opened:
        stack = opened.enter_context(
            Stack(folder, ports=StackPorts.free(), executors=executors, environment=ENVIRONMENT)
        )
        credentials, no_op, stream = asyncio.run(_deploy(stack, Home(folder / "home")))
        bare = opened.enter_context(_bare(stack, folder))
        headers = {"x-api-key": credentials.api_key}
        yield Stand(
            stack,
            no_op=Target(f"{stack.url}/api/workflows/{no_op}/execute", "{}", headers),
            stream=Target(f"{stack.url}/api/workflows/{stream}/execute", _stream_body(), headers),
            bare=Target(bare, "{}", {}),
        )


async def _deploy(stack: Stack, home: Home) -> tuple[Credentials, str, str]:
    settings = GatewaySettings(mongodb_uri=stack.mongodb_uri, public_url=stack.url)
    credentials = await ensure_credentials(home, settings)
    async with PublicApi(credentials.base_url, credentials.api_key) as api:
        ids = []
        for document in (workflows.no_op(), workflows.streaming()):
            ids.append(await api.import_workflow(credentials.workspace_id, document))
            await api.deploy(ids[-1])
    return credentials, ids[0], ids[1]


def _stream_body() -> str:
    return f'{{"input":"{workflows.words()}","stream":true,"selectedOutputs":["agent1.content"]}}'


@contextmanager
def _bare(stack: Stack, folder: Path) -> Iterator[str]:
    port = free_port()
    module = "benchmarks.baselines.bare_broker"
    environment = {**os.environ, "FLOWPORT_AMQP_URL": stack.amqp_url}
    worker = ServerProcess(
        [sys.executable, "-m", module], log=folder / "bare-worker.log", cwd=Path.cwd(), environment=environment
    )
    web = ServerProcess(
        [sys.executable, "-m", "uvicorn", f"{module}:app", "--port", str(port), "--log-level", "warning"],
        log=folder / "bare-web.log",
        cwd=Path.cwd(),
        environment=environment,
    )
    try:
        worker.start(until=lambda: True, timeout=10)
        web.start(until=lambda: accepts_connections(port), timeout=30)
        yield f"http://{LOOPBACK}:{port}/execute"
    finally:
        web.stop()
        worker.stop()
