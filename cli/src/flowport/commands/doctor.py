"""`flowport doctor`."""

import asyncio
from pathlib import Path
from typing import Annotated, Final

import typer

from flowport.commands.session import AsJson
from flowport.doctor.findings import Finding, Verdict
from flowport.home import DEFAULT_NAME
from flowport.output import Output, say

COLOURS: Final = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.PROBLEM: "bold red"}


def doctor(
    gateway: Annotated[
        str | None, typer.Option(envvar="FLOWPORT_URL", help="URL of a gateway; that of the profile when not given.")
    ] = None,
    executor: Annotated[
        str, typer.Option(envvar="FLOWPORT_EXECUTOR_URL", help="URL of an executor's health port.")
    ] = "http://127.0.0.1:8083",
    management: Annotated[
        str | None, typer.Option(envvar="FLOWPORT_AMQP_MANAGEMENT_URL", help="RabbitMQ's HTTP API, user inside.")
    ] = None,
    home: Annotated[
        Path, typer.Option(envvar="FLOWPORT_HOME", help="Folder of `flowport up` and `flowport stack`.")
    ] = Path(DEFAULT_NAME),
    as_json: AsJson = False,
) -> None:
    """Look at settings, broker, store, services and key, and say what is wrong and what to do.

    Run it where a service's settings are in the environment; elsewhere it sees what callers see. Exits with 1 when
    there is a problem.
    """
    from flowport.doctor.examination import Places, examine  # noqa: PLC0415 - it knows all services: that takes a second

    output = Output(as_json=as_json)
    places = Places(gateway, executor, management, home)

    async def look() -> list[Finding]:
        found = []
        async for finding in examine(places):
            found.append(finding)
            _show(output, finding)
        return found

    found = asyncio.run(look())
    if as_json:
        output.json(found)
    if any(finding.verdict is Verdict.PROBLEM for finding in found):
        raise typer.Exit(1)


def _show(output: Output, finding: Finding) -> None:
    if output.as_json:
        return
    say(output.console, finding.check, label=f"{finding.verdict:<7}", style=COLOURS[finding.verdict])
    for line in filter(None, (finding.found, f"→ {finding.fix}" if finding.fix else "")):
        output.console.print(f"         {line}", highlight=False, markup=False, soft_wrap=True)
