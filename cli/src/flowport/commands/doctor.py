"""`flowport doctor`."""

import asyncio
from pathlib import Path
from typing import Annotated, Final

import typer

from flowport.commands.session import AsJson
from flowport.doctor.findings import Finding, Verdict
from flowport.doctor.repetition import check_until_ok
from flowport.extras import Extra, require_services
from flowport.home import DEFAULT_NAME
from flowport.output import Output, print_labelled

COLORS: Final = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.PROBLEM: "bold red"}


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
    from flowport.doctor.checks import DoctorTargets, run_checks  # noqa: PLC0415 - imports all services, which takes a second

    output = Output(as_json=as_json)
    targets = DoctorTargets(gateway, executor, management, home)

    found = asyncio.run(
        check_until_ok(lambda: run_checks(targets), seconds=wait, on_finding=lambda each: _show(output, each))
    )
    if as_json:
        output.print_json(found)
    if any(finding.verdict is Verdict.PROBLEM for finding in found):
        raise typer.Exit(1)


def _show(output: Output, finding: Finding) -> None:
    if output.as_json:
        return
    print_labelled(output.console, finding.check, label=f"{finding.verdict:<7}", style=COLORS[finding.verdict])
    for line in filter(None, (finding.found, f"→ {finding.fix}" if finding.fix else "")):
        output.console.print(f"         {line}", highlight=False, markup=False, soft_wrap=True)
