"""The `flowport` command."""

import os
import sys
from contextlib import suppress
from importlib.metadata import version
from io import TextIOWrapper
from typing import Annotated, Final

import typer
from rich.console import Console

from flowport.commands.dead_letters import dead_letters_app
from flowport.commands.deployments import deploy, diff, promote, undeploy, versions
from flowport.commands.dev import dev
from flowport.commands.doctor import doctor
from flowport.commands.keys import keys_app
from flowport.commands.local_servers import stack, up
from flowport.commands.login import login, profiles_app
from flowport.commands.recordings import recordings_app
from flowport.commands.replay import replay
from flowport.commands.run import run
from flowport.commands.run_tests import test
from flowport.commands.runs import runs_app
from flowport.commands.secrets import secrets_app
from flowport.commands.session import command
from flowport.commands.topology import indexes_app, topology_app
from flowport.commands.workflow_files import fmt, init, schema, validate
from flowport.commands.workflows import export, import_, workflows_app
from flowport.errors import CommandFailed
from flowport.output import ReaderClosed, print_labelled
from shared.errors import FlowportError

HELP: Final = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(no_args_is_help=True, context_settings=HELP)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version("flowport"))
        raise typer.Exit


@app.callback()
def flowport(
    _: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version and exit.")
    ] = False,
) -> None:
    """Publish AI workflows as REST endpoints."""


for _local in (up, stack, login, doctor, init, validate, fmt, schema, test):
    app.command()(_local)
command(app, "import")(import_)
command(app)(export)
command(app)(deploy)
command(app)(versions)
command(app)(diff)
command(app)(promote)
command(app)(undeploy)
command(app)(run)
command(app)(dev)
command(app)(replay)
app.add_typer(workflows_app, name="workflows")
app.add_typer(runs_app, name="runs")
app.add_typer(recordings_app, name="recordings")
app.add_typer(keys_app, name="keys")
app.add_typer(secrets_app, name="secrets")
app.add_typer(dead_letters_app, name="dead-letters")
app.add_typer(profiles_app, name="profiles")
app.add_typer(topology_app, name="topology")
app.add_typer(indexes_app, name="indexes")


def main() -> None:
    """Run the command. Expected errors print a message instead of a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # the terminal's encoding may lack characters
    try:
        app()
    except ReaderClosed:
        _end_quietly()
    except CommandFailed as error:
        _end(error, error.exit_code)
    except FlowportError as error:
        _end(error, CommandFailed.exit_code)
    except OSError as error:
        named = f"{error.filename}: " if error.filename else ""
        _end(CommandFailed(f"{named}{error.strerror or error}"), CommandFailed.exit_code)


def _end_quietly() -> None:
    """Exit with 0, without the flush of standard output that would fail."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(0)


def _end(error: Exception, code: int) -> None:
    print_labelled(Console(stderr=True), str(error), label="error", style="bold red")
    raise SystemExit(code) from error
