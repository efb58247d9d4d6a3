"""`flowport up`: all services in one process."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Final

from rich.console import Console

from flowport.home import Home, Running
from flowport.local.asgi_server import listen
from flowport.local.embedded import run_embedded_services
from flowport.local.installation import prepare_installation
from flowport.local.lifecycle import run_server
from flowport.local.log_file import log_to_file
from flowport.local.store_choice import URI, FolderStore, StoreChoice
from flowport.local.store_kinds import NewStore
from flowport.output import Output, print_labelled
from flowport.servers.ports import LOOPBACK
from flowport.servers.process import UMASK, ServerFailed
from gateway.settings import GatewaySettings
from shared.garbage_collection import raise_gc_threshold
from shared.observe.spans import configure_tracing
from shared.settings import CommonSettings, load_settings

_ALL_INTERFACES: Final = frozenset({"0.0.0.0", ""})  # noqa: S104 - compared with, not bound to


async def run_up(home: Home, *, port: int, store: NewStore, examples: Path | None, output: Output) -> None:
    """Serve until cancelled. Raises HomeInUse, HomeNotWritable, PortInUse, ServerFailed, CommandFailed."""
    host = os.environ.get("FLOWPORT_HOST", LOOPBACK)
    url = f"http://{LOOPBACK if host in _ALL_INTERFACES else host}:{port}"
    public_url = os.environ.get("FLOWPORT_PUBLIC_URL") or url
    os.umask(UMASK)
    async with AsyncExitStack() as stack:
        stack.enter_context(home.lock())
        listening = stack.enter_context(listen(port, host))
        log_to_file(home.logs / "flowport.log")
        common = load_settings(CommonSettings)
        stack.callback(configure_tracing("flowport", endpoint=common.tracing_endpoint, ratio=common.tracing_ratio))
        mongodb_uri, choice = await stack.enter_async_context(_store(home, store, output.progress))
        output.progress.print("Starting gateway, deploy-service, executor-service and jobs-service")
        services = run_embedded_services(
            listening=listening,
            public_url=public_url,
            mongodb_uri=mongodb_uri,
            keys=home.sealing_keys(),
        )
        embedded = await stack.enter_async_context(services)
        running = Running("flowport up", os.getpid(), embedded.urls, mongodb_uri, embedded.amqp_url)
        stack.enter_context(home.record_running(running))
        settings = load_settings(GatewaySettings, mongodb_uri=mongodb_uri, public_url=public_url)
        await prepare_installation(home, settings, url=url, store=str(choice), examples=examples, output=output)
        raise_gc_threshold()
        ended, _ = await asyncio.wait(embedded.tasks, return_when=asyncio.FIRST_COMPLETED)
        names = ", ".join(task.get_name() for task in ended)
        raise ServerFailed(f"{names} stopped unexpectedly. See {home.logs / 'flowport.log'}")


@asynccontextmanager
async def _store(home: Home, wanted: NewStore, console: Console) -> AsyncIterator[tuple[str, StoreChoice]]:
    """Run the folder's store inside the block and yield its URI. Raises StoreUnavailable, ServerFailed."""
    folder = FolderStore(home)
    choice = folder.choose(uri=os.environ.get(URI, ""), wanted=wanted)
    server = folder.server_for(choice)
    print_labelled(console, choice.announcement)
    async with run_server(server) if server else nullcontext():
        folder.record(choice)
        yield server.uri if server else choice.uri, choice
