"""`flowport up`: everything in one process."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Final

from rich.console import Console

from flowport.embedded import embedded
from flowport.first_use import introduce
from flowport.home import Home
from flowport.log_file import log_to
from flowport.output import Output, say
from flowport.running import running
from flowport.servers.ports import LOOPBACK
from flowport.servers.process import UMASK, ServerFailed
from flowport.serving import listen
from flowport.store_choice import URI, FolderStore, StoreChoice
from flowport.store_kinds import NewStore
from gateway.settings import GatewaySettings
from shared.garbage import collect_seldom
from shared.observe.spans import configure_tracing
from shared.settings import CommonSettings
from shared.settings_reading import read_settings

_EVERYWHERE: Final = frozenset({"0.0.0.0", ""})  # noqa: S104 - what somebody else has asked for


async def run_up(home: Home, *, port: int, store: NewStore, examples: Path, output: Output) -> None:
    """Serve until cancelled. Raises HomeInUse, HomeNotWritable, PortInUse, ServerFailed, CommandFailed."""
    host = os.environ.get("FLOWPORT_HOST", LOOPBACK)
    url = f"http://{LOOPBACK if host in _EVERYWHERE else host}:{port}"
    public_url = os.environ.get("FLOWPORT_PUBLIC_URL") or url
    os.umask(UMASK)
    async with AsyncExitStack() as stack:
        stack.enter_context(home.locked())
        listening = stack.enter_context(listen(port, host))
        log_to(home.logs / "flowport.log")
        common = read_settings(CommonSettings)
        stack.callback(configure_tracing("flowport", endpoint=common.tracing_endpoint, ratio=common.tracing_ratio))
        mongodb_uri, choice = await stack.enter_async_context(_store(home, store, output.progress))
        output.progress.print("Starting gateway, deploy-service, executor-service and jobs-service")
        services = embedded(
            listening=listening,
            public_url=public_url,
            mongodb_uri=mongodb_uri,
            keys=home.sealing_keys(),
        )
        tasks = await stack.enter_async_context(services)
        settings = read_settings(GatewaySettings, mongodb_uri=mongodb_uri, public_url=public_url)
        await introduce(home, settings, url=url, store=str(choice), examples=examples, output=output)
        collect_seldom()
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        names = ", ".join(task.get_name() for task in ended)
        raise ServerFailed(f"{names} ended, see {home.logs / 'flowport.log'}")


@asynccontextmanager
async def _store(home: Home, wanted: NewStore, console: Console) -> AsyncIterator[tuple[str, StoreChoice]]:
    """Yield the URI of the folder's store, which runs inside the block. Raises StoreUnavailable, ServerFailed."""
    folder = FolderStore(home)
    choice = folder.choose(uri=os.environ.get(URI, ""), wanted=wanted)
    server = folder.server_for(choice)
    say(console, choice.announcement)
    async with running(server) if server else nullcontext():
        folder.record(choice)
        yield server.uri if server else choice.uri, choice
