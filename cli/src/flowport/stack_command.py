"""`flowport stack`: the four services as separate processes."""

import asyncio
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from rich.console import Console

from flowport.first_use import introduce
from flowport.home import Home
from flowport.log_file import log_to
from flowport.output import Output, say
from flowport.replica import PORT_VARIABLES
from flowport.running import running
from flowport.servers.process import UMASK
from flowport.stack import Stack, StackPorts
from flowport.store_choice import URI, FolderStore
from flowport.store_kinds import NewStore
from gateway.settings import GatewaySettings
from shared.service import ServiceName
from shared.settings_reading import read_settings

_GIVEN: Final = ("FLOWPORT_AMQP_URL", URI, "FLOWPORT_PUBLIC_URL")
_WATCH_SECONDS: Final = 1.0


async def run_stack(
    home: Home,
    *,
    ports: Mapping[ServiceName, int],
    executors: int,
    store: NewStore,
    examples: Path,
    output: Output,
) -> None:
    """Serve until cancelled. Raises HomeInUse, HomeNotWritable, PortInUse, ServerFailed, CommandFailed."""
    os.umask(UMASK)
    async with AsyncExitStack() as opened:
        opened.enter_context(home.locked())
        reserved = StackPorts.chosen(ports, {**PORT_VARIABLES, ServiceName.GATEWAY: "PORT"})
        log_to(home.logs / "flowport.log")
        environment = {name: os.environ[name] for name in _GIVEN if os.environ.get(name)}
        folder = FolderStore(home)
        choice = folder.choose(uri=environment.get(URI, ""), wanted=store)
        stack = Stack(
            home.path,
            ports=reserved,
            executors=executors,
            environment=environment,
            store=folder.server_for(choice),
        )
        say(output.progress, choice.announcement)
        output.progress.print("Starting RabbitMQ and the services; this takes some seconds")
        await opened.enter_async_context(running(stack))
        folder.record(choice)
        settings = read_settings(
            GatewaySettings,
            mongodb_uri=stack.mongodb_uri,
            public_url=os.environ.get("FLOWPORT_PUBLIC_URL") or stack.url,
        )
        await introduce(home, settings, url=stack.url, store=str(choice), examples=examples, output=output)
        await _watch(stack, output.progress)


async def _watch(stack: Stack, console: Console) -> None:
    """Say which process ended by itself, and go on: the others do their work without it."""
    told: set[str] = set()
    while True:
        ended = {name for name in stack.names if stack.pid(name) is None}
        for name in ended - told:
            say(console, f"see {stack.log_of(name)}", label=f"{name} ended", style="bold red")
        told = ended
        await asyncio.sleep(_WATCH_SECONDS)
