"""`flowport stack`: the four services as separate processes."""

import asyncio
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from rich.console import Console

from flowport.home import Home, Running
from flowport.local.installation import prepare_installation
from flowport.local.lifecycle import run_server
from flowport.local.log_file import log_to_file
from flowport.local.replica import PORT_VARIABLES
from flowport.local.stack import Stack, StackPorts
from flowport.local.store_choice import URI, FolderStore
from flowport.local.store_kinds import NewStore
from flowport.local.supervisor import Supervisor
from flowport.output import Output, print_labelled
from flowport.servers.process import UMASK
from gateway.settings import GatewaySettings
from shared.service import ServiceName
from shared.settings import load_settings

_EXTERNAL: Final = ("FLOWPORT_AMQP_URL", URI, "FLOWPORT_PUBLIC_URL")
_WATCH_SECONDS: Final = 1.0


async def run_stack(
    home: Home,
    *,
    ports: Mapping[ServiceName, int],
    executors: int,
    store: NewStore,
    examples: Path | None,
    output: Output,
) -> None:
    """Serve until cancelled. Raises HomeInUse, HomeNotWritable, PortInUse, ServerFailed, CommandFailed."""
    os.umask(UMASK)
    async with AsyncExitStack() as opened:
        opened.enter_context(home.lock())
        reserved = StackPorts.chosen(ports, {**PORT_VARIABLES, ServiceName.GATEWAY: "PORT"})
        log_to_file(home.logs / "flowport.log")
        environment = {name: os.environ[name] for name in _EXTERNAL if os.environ.get(name)}
        folder = FolderStore(home)
        choice = folder.choose(uri=environment.get(URI, ""), wanted=store)
        stack = Stack(
            home.path,
            ports=reserved,
            executors=executors,
            environment=environment,
            store=folder.server_for(choice),
        )
        print_labelled(output.progress, choice.announcement)
        output.progress.print("Starting RabbitMQ and the services. This takes a few seconds")
        await opened.enter_async_context(run_server(stack))
        folder.record(choice)
        opened.enter_context(home.record_running(_running(stack)))
        settings = load_settings(
            GatewaySettings,
            mongodb_uri=stack.mongodb_uri,
            public_url=os.environ.get("FLOWPORT_PUBLIC_URL") or stack.url,
        )
        await prepare_installation(home, settings, url=stack.url, store=str(choice), examples=examples, output=output)
        await _supervise(stack, output.progress)


def _running(stack: Stack) -> Running:
    management = stack.rabbitmq.management_url if stack.rabbitmq else os.environ.get("FLOWPORT_AMQP_MANAGEMENT_URL", "")
    urls = {name: stack.url_of(name) for name in stack.names}
    return Running("flowport stack", os.getpid(), urls, stack.mongodb_uri, stack.amqp_url, management)


async def _supervise(stack: Stack, console: Console) -> None:
    """Restart each process that ends, and report it."""

    def report(event: str, detail: str) -> None:
        style = "green" if event.endswith("restarted") else "bold red"
        print_labelled(console, detail, label=event, style=style)

    supervisor = Supervisor(stack.children(), report)
    while True:
        checking = asyncio.ensure_future(asyncio.to_thread(supervisor.check))
        try:
            await asyncio.shield(checking)
        finally:
            await asyncio.wait({checking})  # a server that starts must not start after the stack has stopped
        await asyncio.sleep(_WATCH_SECONDS)
