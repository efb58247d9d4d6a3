"""`flowport topology`: queues and policies of the broker. Apply it before services of a new version start."""

from contextlib import suppress
from typing import Annotated
from urllib.parse import urlsplit

import typer

from flowport.commands.session import AsJson
from flowport.errors import CommandFailed
from flowport.extras import Extra, require_services
from flowport.output import Output

topology_app = typer.Typer(help="The broker's queues and policies.", no_args_is_help=True)


def _required(url: str) -> str:
    problem = _problem(url)
    if problem:
        fix = "pass it as an argument or in FLOWPORT_AMQP_MANAGEMENT_URL, as http://user:password@host:15672"
        raise typer.BadParameter(f"{problem}: {fix}")
    return url


def _problem(url: str) -> str | None:
    if not url:
        return "the URL of RabbitMQ's HTTP API is missing"
    with suppress(ValueError):  # the message may contain a part of the password
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return None
    return "this is not a valid URL of RabbitMQ's HTTP API"


ManagementUrl = Annotated[
    str,
    typer.Argument(
        metavar="URL",
        envvar="FLOWPORT_AMQP_MANAGEMENT_URL",
        callback=_required,
        help="URL of RabbitMQ's HTTP API, with user and password.",
    ),
]

Wait = Annotated[float, typer.Option("--wait", min=0, help="Seconds to wait for an unavailable broker.")]


@topology_app.command("apply")
def apply(management_url: ManagementUrl = "", wait: Wait = 0.0, as_json: AsJson = False) -> None:
    """Declare missing queues, set every policy, and set the user of each service whose password is given.

    FLOWPORT_AMQP_URL is the broker to declare queues in; FLOWPORT_AMQP_PASSWORD_GATEWAY, …_DEPLOY, …_EXECUTOR and
    …_JOBS are the passwords. Without them, queues or users stay unchanged. FLOWPORT_LONGEST_RUN_SECONDS is the longest
    duration of a run.

    Example: flowport topology apply http://admin:password@rabbitmq:15672
    """
    require_services("flowport topology apply", Extra.SERVER)
    from flowport.admin.availability import run_when_available  # noqa: PLC0415 - as the next
    from flowport.admin.broker_topology import apply_topology  # noqa: PLC0415 - a slow import

    rows = run_when_available(lambda: apply_topology(management_url), seconds=wait)
    Output(as_json=as_json).print_rows(("what", "name"), rows)


@topology_app.command("check")
def check(management_url: ManagementUrl = "", as_json: AsJson = False) -> None:
    """Fail if a queue or policy is missing, a policy differs, or a queue has too few members.

    Example: flowport topology check http://admin:password@rabbitmq:15672
    """
    require_services("flowport topology check", Extra.SERVER)
    from flowport.admin.broker_topology import check_topology  # noqa: PLC0415 - a slow import

    rows, failures = check_topology(management_url)
    Output(as_json=as_json).print_rows(("queue", "problem"), rows)
    if failures:
        raise CommandFailed("; ".join(failures))
