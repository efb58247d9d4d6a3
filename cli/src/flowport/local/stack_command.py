"""`flowport stack`: the four services as separate processes."""

import asyncio
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from rich.console import Console

from flowport.home import Home
from flowport.local.installation import prepare_installation
from flowport.local.lifecycle import run_server
from flowport.local.log_file import log_to_file
from flowport.local.replica import PORT_VARIABLES
from flowport.local.stack import Stack, StackPorts
from flowport.local.store_choice import URI, FolderStore
from flowport.local.store_kinds import NewStore
from flowport.output import Output, print_labelled
from flowport.servers.process import UMASK
from gateway.settings import GatewaySettings
from shared.service import ServiceName
from shared.settings_loader import load_settings

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
        settings = load_settings(
            GatewaySettings,
            mongodb_uri=stack.mongodb_uri,
            public_url=os.environ.get("FLOWPORT_PUBLIC_URL") or stack.url,
        )
        await prepare_installation(home, settings, url=stack.url, store=str(choice), examples=examples, output=output)
        await _watch(stack, output.progress)


async def _watch(stack: Stack, console: Console) -> None:
    """Report each process that ends. The others continue."""
    reported: set[str] = set()
    while True:
        ended = {name for name in stack.names if stack.pid(name) is None}
        for name in ended - reported:
            print_labelled(console, f"see {stack.log_of(name)}", label=f"{name} ended", style="bold red")
        reported = ended
        await asyncio.sleep(_WATCH_SECONDS)
