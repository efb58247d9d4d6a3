"""The `flowport` command."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from flowport.home import Home, HomeInUse
from flowport.public_api import Refused
from flowport.running import run_until_stopped
from flowport.servers.process import ServerFailed
from flowport.serving import PortInUse
from flowport.stack import StackPorts
from flowport.stack_command import run_stack
from flowport.up_command import run_up
from shared.broker.rabbitmq.management import Management
from shared.broker.topology import default_topology
from shared.errors import FlowportError

app = typer.Typer(help="Publishes AI workflows as REST endpoints.", no_args_is_help=True, add_completion=False)
topology = typer.Typer(help="The broker's queues and policies.", no_args_is_help=True)
app.add_typer(topology, name="topology")
console = Console()

Port = Annotated[int, typer.Option(envvar="PORT", min=1, max=65535, help="Port of the public door.")]
Folder = Annotated[Path, typer.Option("--home", envvar="FLOWPORT_HOME", help="Where data, logs and credentials lie.")]
Examples = Annotated[Path, typer.Option(help="Folder of workflow files to deploy.")]
ManagementUrl = Annotated[
    str, typer.Argument(envvar="FLOWPORT_AMQP_MANAGEMENT_URL", help="RabbitMQ's HTTP API, user and password inside.")
]

EXPECTED = (FlowportError, HomeInUse, PortInUse, Refused, ServerFailed)


@app.callback()
def flowport() -> None:
    """Publishes AI workflows as REST endpoints."""


@app.command()
def up(port: Port = 8080, home: Folder = Path(".flowport"), examples: Examples = Path("examples")) -> None:
    """Run everything in this process and deploy the examples."""
    run_until_stopped(run_up(Home(home), port=port, examples=examples, console=console))


@app.command()
def stack(
    *,
    port: Port = 8080,
    deploy_port: Annotated[int, typer.Option(help="Port of deploy-service.")] = 8081,
    jobs_port: Annotated[int, typer.Option(help="Port of jobs-service.")] = 8082,
    executor_port: Annotated[
        int, typer.Option(help="Port of the first executor; further ones take free ports.")
    ] = 8083,
    executors: Annotated[int, typer.Option(min=1, max=64, help="How many executors to run.")] = 1,
    home: Folder = Path(".flowport"),
    examples: Examples = Path("examples"),
) -> None:
    """Run the four services as separate processes, on a RabbitMQ and a SecantusDB of their own."""
    ports = StackPorts(gateway=port, deploy=deploy_port, jobs=jobs_port, executor=executor_port)
    run_until_stopped(run_stack(Home(home), ports=ports, executors=executors, examples=examples, console=console))


@topology.command("apply")
def apply_topology(management_url: ManagementUrl) -> None:
    """Set the policy of every queue."""
    asyncio.run(Management(management_url).apply_policies(default_topology()))


@topology.command("check")
def check_topology(management_url: ManagementUrl) -> None:
    """Fail if any policy is missing or different."""
    drifted = asyncio.run(Management(management_url).drifted_policies(default_topology()))
    for queue in drifted:
        console.print(f"{queue}: the policy is not ours")
    raise typer.Exit(1 if drifted else 0)


def main() -> None:
    """Run the command; what can be expected to go wrong is one sentence, not a traceback."""
    try:
        app(standalone_mode=True)
    except EXPECTED as error:
        Console(stderr=True).print(f"[bold red]error[/]  {error}", highlight=False)
        raise SystemExit(1) from error
