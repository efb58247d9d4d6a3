"""Testbed: the real stack, and the baselines on the same RabbitMQ."""

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks import workflows
from benchmarks.load.http_load import Target
from flowport.client.api_client import ApiClient
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
BARE, MODEL = "bare broker path", "model server"


@dataclass(frozen=True)
class Testbed:
    """Running system with a target for each workflow, model and baseline."""

    stack: Stack
    targets: dict[str, Target]
    credentials: Credentials

    @property
    def no_op(self) -> Target:
        """Return the target of the smallest workflow."""
        return self.targets["sync no-op"]

    @property
    def pids(self) -> dict[str, int]:
        """Return the process id of every process, including store and broker."""
        found = {name: self.stack.pid(name) for name in self.stack.names}
        found["store"] = self.stack.store.pid if self.stack.store else None
        found["broker"] = self.stack.rabbitmq.pid if self.stack.rabbitmq else None
        return {name: pid for name, pid in found.items() if pid is not None}

    def publish(self, document: workflows.Document, body: str = "{}") -> Target:
        """Deploy a workflow and return its target."""
        with open_client(self.credentials) as client:
            return deploy(client, document, body)

    @contextmanager
    def scale(self, service: ServiceName, count: int) -> Iterator[None]:
        """Run `count` processes of `service` inside the block, and one afterwards."""
        self.stack.scale(service, count)
        try:
            yield
        finally:
            self.stack.scale(service, 1)

    @contextmanager
    def configure(self, settings: Mapping[ServiceName, Mapping[str, str]]) -> Iterator[None]:
        """Restart services with these settings for the block, and without them afterwards."""
        for service, environment in settings.items():
            self.stack.restart(service, environment=environment)
        try:
            yield
        finally:
            for service in settings:
                self.stack.restart(service)


@contextmanager
def run_testbed(folder: Path) -> Iterator[Testbed]:
    """Run the testbed inside the block."""
    with ExitStack() as opened:
        model = opened.enter_context(_web("model_server", folder, {}))
        environment = {**ENVIRONMENT, "VLLM_BASE_URL": model}
        stack = opened.enter_context(Stack(folder, ports=StackPorts.free(), environment=environment))
        settings = GatewaySettings(mongodb_uri=stack.mongodb_uri, public_url=stack.url)
        credentials = asyncio.run(ensure_credentials(Home(folder / "home"), settings, stack.url))
        amqp = {"FLOWPORT_AMQP_URL": stack.amqp_url}
        opened.enter_context(_program("bare-worker", ["benchmarks.baselines.bare_broker"], folder, amqp))
        bare = opened.enter_context(_web("bare_broker", folder, amqp))
        testbed = Testbed(stack, {BARE: Target(f"{bare}/execute", "{}", {})}, credentials)
        for name, build in SYNC.items():
            testbed.targets[name] = testbed.publish(build())
        for name in MODELS:
            testbed.targets[name] = testbed.publish(workflows.streaming(name), workflows.stream_body())
            testbed.targets[f"{MODEL}, {name}"] = _model_target(model, name.removeprefix("vllm/"))
        yield testbed


def deploy(client: ApiClient, document: workflows.Document, body: str) -> Target:
    """Deploy a workflow and return its target."""
    workflow_id = import_file(client, document)["id"]
    deploy_workflow(client, workflow_id)
    url = f"{client.profile.base_url}/api/workflows/{workflow_id}/execute"
    return Target(url, body, {"x-api-key": client.profile.api_key})


def _model_target(url: str, model: str) -> Target:
    messages = [{"role": "user", "content": workflows.words()}]
    body = json.dumps({"model": model, "stream": True, "messages": messages})
    return Target(f"{url}/v1/chat/completions", body, {})


@contextmanager
def _web(module: str, folder: Path, environment: Mapping[str, str]) -> Iterator[str]:
    with reserve_port() as port:
        app, number = f"benchmarks.baselines.{module}:app", str(port.number)
        command = ["uvicorn", app, "--port", number, "--log-level", "warning", "--timeout-graceful-shutdown", "1"]
        with _program(f"{module}-web", command, folder, environment, port):
            yield f"http://{LOOPBACK}:{port.number}"


@contextmanager
def _program(
    name: str, command: list[str], folder: Path, environment: Mapping[str, str], port: ReservedPort | None = None
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


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Create a temporary folder for the block. SIGTERM ends the block like Ctrl-C, so its servers stop in order."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory(prefix="flowport-bench-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def console() -> Console:
    """Return a console that is wide enough for tables in a pipe."""
    return Console(width=None if sys.stdout.isatty() else 150, highlight=False)
