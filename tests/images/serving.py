"""The services run from their images' file systems, on a broker and a store of this machine."""

import asyncio
import secrets
import subprocess
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import httpx2
from tests.images.build import entrypoint_of, environment_of, user_of
from tests.images.root import Root
from tests.support.dockerfile import stages
from tests.support.three_modes import Answers, run_in_three_modes

from flowport.local.replica import PORT_VARIABLES
from flowport.servers.ports import LOOPBACK, reserve_port
from flowport.servers.process import ServerProcess
from flowport.servers.rabbitmq import RabbitMQServer
from flowport.servers.secantus import SecantusServer
from shared.service import ServiceName

READY_SECONDS: Final = 120
_TOKENS: Final = ("GATEWAY", "DEPLOY", "EXECUTOR", "JOBS")


def run_from_images(images: Mapping[str, Root], folder: Path) -> Answers:
    """Prepare broker and store with `tools`, start every service, call a workflow. Raises ServerFailed."""
    with ExitStack() as stack:
        ports = {service: stack.enter_context(reserve_port()).lend() for service in ServiceName}
        environment = {**stack.enter_context(_servers(folder)), **_settings(ports)}
        subprocess.run(_command(images, "tools", environment, "topology", "apply"), check=True)
        subprocess.run(_command(images, "tools", environment, "indexes", "apply"), check=True)
        for service in (ServiceName.DEPLOY, ServiceName.JOBS, ServiceName.EXECUTOR, ServiceName.GATEWAY):
            command = _command(images, service.value, environment)
            process = ServerProcess(command, log=folder / f"{service.value}.log", cwd=folder)
            stack.callback(process.kill)
            process.start(until=partial(_is_ready, ports[service]), timeout=READY_SECONDS)
        url = f"http://{LOOPBACK}:{ports[ServiceName.GATEWAY]}"
        return asyncio.run(run_in_three_modes(url, environment["FLOWPORT_MONGODB_URI"]))


def _command(images: Mapping[str, Root], name: str, settings: Mapping[str, str], *arguments: str) -> list[str]:
    stage = stages()[name]
    environment = {**environment_of(stage), **settings}
    return images[name].served([*entrypoint_of(stage), *arguments], environment=environment, user=user_of(stage))


@contextmanager
def _servers(folder: Path) -> Iterator[dict[str, str]]:
    rabbitmq, secantus = RabbitMQServer(folder / "rabbitmq"), SecantusServer(folder / "secantus")
    try:
        rabbitmq.start()
        secantus.start()
        yield {
            "FLOWPORT_AMQP_URL": rabbitmq.amqp_url,
            "FLOWPORT_AMQP_MANAGEMENT_URL": rabbitmq.management_url,
            "FLOWPORT_MONGODB_URI": secantus.uri,
        }
    finally:
        secantus.stop()
        rabbitmq.stop()


def _settings(ports: Mapping[ServiceName, int]) -> dict[str, str]:
    sealing = f"1:{b64encode(secrets.token_bytes(32)).decode()}"
    return {
        "FLOWPORT_HOST": LOOPBACK,
        "FLOWPORT_DEPLOY_URL": f"http://{LOOPBACK}:{ports[ServiceName.DEPLOY]}",
        "FLOWPORT_JOBS_URL": f"http://{LOOPBACK}:{ports[ServiceName.JOBS]}",
        "FLOWPORT_ENVIRONMENT_KEYS": sealing,
        "FLOWPORT_WEBHOOK_KEYS": sealing,
        "FLOWPORT_TICKET_KEYS": sealing,
        **{PORT_VARIABLES[service]: str(port) for service, port in ports.items()},
        **{f"FLOWPORT_TOKEN_{name}": secrets.token_urlsafe(32) for name in _TOKENS},
    }


def _is_ready(port: int) -> bool:
    try:
        return httpx2.get(f"http://{LOOPBACK}:{port}/readyz", timeout=5, trust_env=False).is_success
    except httpx2.HTTPError:
        return False
