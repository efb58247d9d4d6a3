"""All four services in one process, with an in-memory broker and one store.

The services call each other over loopback, as separate processes do. An in-process transport has no timeouts, so that
embedded mode would behave differently when a service hangs.
"""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final, NamedTuple

from fastapi import FastAPI
from pydantic import SecretStr

import deploy_service.bootstrap
import executor_service.bootstrap
import gateway.app
import jobs_service.bootstrap
from deploy_service.settings import DeploySettings
from executor_service.providers.endpoints import configured_providers
from executor_service.providers.settings import ProviderSettings
from executor_service.settings import NEEDS_NAMESPACES, ExecutorSettings
from flowport.home import SealingKeys, new_key
from flowport.local.asgi_server import listen, port_of, serve_app
from gateway.settings import GatewaySettings
from jobs_service.settings import JobsSettings
from shared.service import ServiceName
from shared.settings import load_settings

MEMORY_BROKER: Final = "memory://flowport"
_TOKENS: Final = ("token_gateway", "token_deploy", "token_executor", "token_jobs")


class EmbeddedServices(NamedTuple):
    """Running services: their tasks, and their addresses."""

    tasks: list[asyncio.Task[None]]
    urls: dict[str, str]
    amqp_url: str


@asynccontextmanager
async def run_embedded_services(
    *, listening: socket.socket, public_url: str, mongodb_uri: str, keys: SealingKeys
) -> AsyncIterator[EmbeddedServices]:
    """Run the services with the gateway on `listening`. Yield their tasks; a task that ends has failed.

    Raises ServerFailed.
    """
    deploy_socket, jobs_socket, executor_socket = listen(0), listen(0), listen(0)
    amqp_url = os.environ.get("FLOWPORT_AMQP_URL", MEMORY_BROKER)
    is_alone = amqp_url == MEMORY_BROKER
    gateway_overrides: Mapping[str, Any] = {"settle_seconds": 0} if is_alone else {}
    common: Mapping[str, Any] = {
        "amqp_url": amqp_url,
        "mongodb_uri": mongodb_uri,
        "deploy_url": f"http://127.0.0.1:{port_of(deploy_socket)}",
        "jobs_url": f"http://127.0.0.1:{port_of(jobs_socket)}",
        "public_url": public_url,
        "ticket_keys": SecretStr(new_key()),
        **{token: secrets.token_urlsafe(32) for token in _TOKENS},
    }
    # Users who try Flowport run their own code, so the sandbox may do without namespaces where the host denies them.
    executor_overrides: Mapping[str, Any] = (
        {} if NEEDS_NAMESPACES in os.environ else {"sandbox_needs_namespaces": False}
    )
    deploy_settings = load_settings(
        DeploySettings,
        **common,
        environment_keys=SecretStr(keys.environment),
        keyed_providers=tuple(configured_providers(load_settings(ProviderSettings))),
    )
    jobs_settings = load_settings(JobsSettings, **common, webhook_keys=SecretStr(keys.webhooks))
    apps: list[tuple[FastAPI, socket.socket]] = [
        (deploy_service.bootstrap.build(deploy_settings), deploy_socket),
        (jobs_service.bootstrap.build(jobs_settings, is_alone=is_alone), jobs_socket),
        (
            executor_service.bootstrap.build(load_settings(ExecutorSettings, **common, **executor_overrides)),
            executor_socket,
        ),
        (gateway.app.build(load_settings(GatewaySettings, **common, **gateway_overrides)), listening),
    ]
    async with AsyncExitStack() as stack:
        tasks = [await stack.enter_async_context(serve_app(app, at)) for app, at in apps]
        sockets = {
            ServiceName.GATEWAY: listening,
            ServiceName.DEPLOY: deploy_socket,
            ServiceName.JOBS: jobs_socket,
            ServiceName.EXECUTOR: executor_socket,
        }
        urls = {service.value: f"http://127.0.0.1:{port_of(at)}" for service, at in sockets.items()}
        yield EmbeddedServices(tasks, urls, amqp_url)
