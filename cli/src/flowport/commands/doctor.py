"""`flowport doctor`."""

import asyncio
from pathlib import Path
from typing import Annotated, Final

import typer

from flowport.commands.session import AsJson
from flowport.extras import Extra, require_services
from flowport.home import DEFAULT_NAME
from flowport.output import Output, print_labelled

COLORS: Final = {"ok": "green", "warning": "yellow", "problem": "bold red"}


def doctor(
    gateway: Annotated[
        str | None, typer.Option(envvar="FLOWPORT_URL", help="URL of a gateway; default: that of the profile.")
    ] = None,
    executor: Annotated[
        str, typer.Option(envvar="FLOWPORT_EXECUTOR_URL", help="URL of an executor's health port.")
    ] = "http://127.0.0.1:8083",
    management: Annotated[
        str | None,
        typer.Option(envvar="FLOWPORT_AMQP_MANAGEMENT_URL", help="URL of RabbitMQ's HTTP API, with user and password."),
    ] = None,
    home: Annotated[
        Path, typer.Option(envvar="FLOWPORT_HOME", help="Folder of `flowport up` and `flowport stack`.")
    ] = Path(DEFAULT_NAME),
    *,
    wait: Annotated[
        float, typer.Option(min=0, help="Repeat the checks for this many seconds, or until none finds a problem.")
    ] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Check settings, broker, store, services and API key, and suggest a fix for each problem.

    Run it with a service's settings in the environment, or where `flowport up` or `flowport stack` runs. Otherwise it
    checks what API callers can see. Exits with 1 if there is a problem.

    Example: flowport doctor --gateway https://flows.example.com
    """
    require_services("flowport doctor", Extra.SERVER)
    from flowport.doctor import DoctorTargets, check_until_ok  # noqa: PLC0415 - imports all services, which takes a second

    output = Output(as_json=as_json)
    found = asyncio.run(check_until_ok(DoctorTargets(gateway, executor, management, home), seconds=wait))
    if as_json:
        output.print_json(found)
    else:
        for each in found:
            print_labelled(output.console, each.check, label=f"{each.verdict:<7}", style=COLORS[each.verdict])
            for line in filter(None, (each.found, f"→ {each.fix}" if each.fix else "")):
                output.console.print(f"         {line}", highlight=False, markup=False, soft_wrap=True)
    if any(each.verdict == "problem" for each in found):
        raise typer.Exit(1)
