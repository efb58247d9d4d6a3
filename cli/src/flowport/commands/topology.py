"""`flowport topology`: what the broker holds for us. Run it before the services of a new version start."""

from contextlib import suppress
from typing import Annotated
from urllib.parse import urlsplit

import typer

from flowport.commands.session import AsJson
from flowport.failures import CommandFailed
from flowport.output import Output

topology_app = typer.Typer(help="The broker's queues and policies.", no_args_is_help=True)


def _required(url: str) -> str:
    found = _problem(url)
    if found:
        way = "give it here or in FLOWPORT_AMQP_MANAGEMENT_URL, as http://user:password@host:15672"
        raise typer.BadParameter(f"{found}: {way}")
    return url


def _problem(url: str) -> str | None:
    if not url:
        return "nothing names RabbitMQ's HTTP API"
    with suppress(ValueError):  # whose words may quote a part of the password
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return None
    return "this is no address of RabbitMQ's HTTP API"


ManagementUrl = Annotated[
    str,
    typer.Argument(
        metavar="URL",
        envvar="FLOWPORT_AMQP_MANAGEMENT_URL",
        callback=_required,
        help="RabbitMQ's HTTP API, user and password inside.",
    ),
]


@topology_app.command("apply")
def apply(management_url: ManagementUrl = "", as_json: AsJson = False) -> None:
    """Declare what is missing, set every policy, and the user of each service whose password is given.

    FLOWPORT_AMQP_URL names the broker to declare in, FLOWPORT_AMQP_PASSWORD_GATEWAY, …_DEPLOY, …_EXECUTOR and …_JOBS
    the passwords; what is not set is left as it is. FLOWPORT_LONGEST_RUN_SECONDS is how long a run may take.
    """
    from flowport.broker_topology import put_right  # noqa: PLC0415 - it knows settings and broker: that takes long

    Output(as_json=as_json).rows(("what", "name"), put_right(management_url))


@topology_app.command("check")
def check(management_url: ManagementUrl = "", as_json: AsJson = False) -> None:
    """Fail if a queue or a policy is missing, a policy is different, or a queue is on fewer nodes than it should be."""
    from flowport.broker_topology import look  # noqa: PLC0415 - it knows settings and broker: that takes long

    rows, failures = look(management_url)
    Output(as_json=as_json).rows(("queue", "problem"), rows)
    if failures:
        raise CommandFailed("; ".join(failures))
