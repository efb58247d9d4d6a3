"""Testbed: the real stack, and the baselines on the same RabbitMQ."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import workflows
from benchmarks.load.http_load import Target
from flowport.client.workflows import import_file
from flowport.home import Credentials, Home
from flowport.local.installation import deploy_workflow, ensure_credentials, open_client
from flowport.local.stack import Stack, StackPorts
from flowport.servers.ports import LOOPBACK, ReservedPort, reserve_port
from flowport.servers.process import ServerProcess, accepts_connections
from gateway.settings import GatewaySettings
from shared.service import ServiceName

ENVIRONMENT: Final = {
    "FLOWPORT_DEFAULT_PLAN": "benchmark",
    "FLOWPORT_LOG_LEVEL": "warning",
    "DISPATCH_MAX_QUEUE_PER_WORKSPACE": "50000",
}
SYNC: Final = {
    "sync no-op": workflows.no_op,
    "sync, one function": workflows.one_function,
    "sync, ten blocks": workflows.ten_blocks,
    "sync, four functions at once": workflows.four_ways,
    "sync, loop of 1,000": workflows.long_loop,
}
SILENT_MODEL: Final = "vllm/words-60000"
MODELS: Final = ("echo", "vllm/words", "vllm/words-10", SILENT_MODEL)
"""Built-in model; model server; 10 ms after each word; no second word for a minute."""
BARE, WEB, MODEL = "bare broker path", "bare web", "model server"


@dataclass(frozen=True)
class Testbed:
    """Running system with a target for each workflow, model and baseline."""

    stack: Stack
    targets: Mapping[str, Target]
    credentials: Credentials
    home: Home

    @property
    def no_op(self) -> Target:
        """Return the target of the smallest workflow."""
        return self.targets["sync no-op"]

    @property
    def stream(self) -> Target:
        """Return the target of the built-in streaming model."""
        return self.targets["echo"]

    @property
    def pids(self) -> dict[str, int]:
        """Return the process id of every process, including store and broker."""
        found = {name: self.stack.pid(name) for name in self.stack.names}
        found["store"] = self.stack.store.pid if self.stack.store else None
        found["broker"] = self.stack.rabbitmq.pid if self.stack.rabbitmq else None
        return {name: pid for name, pid in found.items() if pid is not None}

    def publish(self, document: workflows.Document) -> Target:
        """Deploy a workflow and return its target."""
        home = self.home
        _, targets = asyncio.run(deploy_all(self.stack.url, self.stack.mongodb_uri, home, {"": (document, "{}")}))
        return targets[""]

    @contextmanager
    def scale(self, service: ServiceName, count: int) -> Iterator[None]:
        """Run `count` processes of `service` inside the block, and one afterwards."""
        self.stack.scale(service, count)
        try:
            yield
        finally:
            self.stack.scale(service, 1)

    @contextmanager
    def limit_capacity(self, calls: int) -> Iterator[None]:
        """Restart gateway and executor with capacity for exactly `calls` concurrent calls."""
        room = str(calls)
        gates = {"ADMISSION_GATE_MAX_INFLIGHT": room, "FLOWPORT_WORKSPACE_MAX_INFLIGHT": room}
        gates["FLOWPORT_STREAMS_PER_CALLER"] = room
        self.stack.restart(ServiceName.EXECUTOR, environment={"FLOWPORT_EXECUTOR_CONCURRENCY": room})
        self.stack.restart(ServiceName.GATEWAY, environment=gates)
        try:
            yield
        finally:
            self.stack.restart(ServiceName.EXECUTOR)
            self.stack.restart(ServiceName.GATEWAY)


@contextmanager
def run_testbed(folder: Path, *, executors: int = 1) -> Iterator[Testbed]:
    """Run the testbed inside the block."""
    with ExitStack() as opened:
        model = opened.enter_context(_web("model_server", folder, {}))
        environment = {**ENVIRONMENT, "VLLM_BASE_URL": model}
        ports = StackPorts.free()
        stack = opened.enter_context(Stack(folder, ports=ports, executors=executors, environment=environment))
        home = Home(folder / "home")
        credentials, targets = asyncio.run(_deploy(stack, home))
        others = opened.enter_context(_baselines(stack, folder))
        direct = {f"{MODEL}, {name}": _model_target(model, name.removeprefix("vllm/")) for name in MODELS[1:]}
        yield Testbed(stack, {**targets, **others, **direct}, credentials, home)


async def _deploy(stack: Stack, home: Home) -> tuple[Credentials, dict[str, Target]]:
    documents = {name: (build(), "{}") for name, build in SYNC.items()}
    documents |= {model: (workflows.streaming(model), workflows.stream_body()) for model in MODELS}
    return await deploy_all(stack.url, stack.mongodb_uri, home, documents)


async def deploy_all(
    url: str, mongodb_uri: str, home: Home, documents: Mapping[str, tuple[workflows.Document, str]]
) -> tuple[Credentials, dict[str, Target]]:
    """Create an API key at `url`, and deploy the workflows with their request bodies."""
    credentials = await ensure_credentials(home, GatewaySettings(mongodb_uri=mongodb_uri, public_url=url), url)
    targets = {}
    with open_client(credentials) as client:
        for name, (document, body) in documents.items():
            workflow_id = import_file(client, document)["id"]
            deploy_workflow(client, workflow_id)
            headers = {"x-api-key": credentials.api_key}
            targets[name] = Target(f"{url}/api/workflows/{workflow_id}/execute", body, headers)
    return credentials, targets


def _model_target(url: str, model: str) -> Target:
    messages = [{"role": "user", "content": workflows.words()}]
    body = json.dumps({"model": model, "stream": True, "messages": messages})
    return Target(f"{url}/v1/chat/completions", body, {"content-type": "application/json"})


@contextmanager
def _baselines(stack: Stack, folder: Path) -> Iterator[dict[str, Target]]:
    with ExitStack() as opened:
        environment = {"FLOWPORT_AMQP_URL": stack.amqp_url}
        opened.enter_context(_program("bare-worker", ["benchmarks.baselines.bare_broker"], folder, environment))
        modules = {WEB: "bare_web", BARE: "bare_broker"}
        urls = {name: opened.enter_context(_web(module, folder, environment)) for name, module in modules.items()}
        yield {name: Target(f"{url}/execute", "{}", {}) for name, url in urls.items()}


@contextmanager
def _web(module: str, folder: Path, environment: Mapping[str, str]) -> Iterator[str]:
    port = reserve_port()
    app = f"benchmarks.baselines.{module}:app"
    command = ["uvicorn", app, "--port", str(port.number), "--log-level", "warning", "--timeout-graceful-shutdown", "1"]
    with _program(f"{module}-web", command, folder, environment, port=port):
        yield f"http://{LOOPBACK}:{port.number}"


@contextmanager
def _program(
    name: str, command: list[str], folder: Path, environment: Mapping[str, str], *, port: ReservedPort | None = None
) -> Iterator[None]:
    server = ServerProcess(
        [sys.executable, "-m", *command],
        log=folder / f"{name}.log",
        cwd=Path.cwd(),
        ports=(port,) if port else (),
        environment={**os.environ, **environment},
    )
    server.start(until=lambda: port is None or accepts_connections(port.number), timeout=30)
    try:
        yield
    finally:
        server.stop()
