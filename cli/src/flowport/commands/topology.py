"""`flowport topology` and `flowport indexes`: queues and policies of the broker, indexes of the store.

Apply them before services of a new version start. The services keep running.
"""

import asyncio
from contextlib import suppress
from typing import Annotated
from urllib.parse import urlsplit

import typer

from flowport.commands.session import AsJson
from flowport.errors import CommandFailed
from flowport.extras import Extra, require_services
from flowport.output import Output

topology_app = typer.Typer(help="The broker's queues and policies.", no_args_is_help=True)
indexes_app = typer.Typer(help="The store's indexes.", no_args_is_help=True)


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
Wait = Annotated[float, typer.Option("--wait", min=0, help="Seconds to wait for an unavailable server.")]
Prune = Annotated[
    bool, typer.Option("--prune", help="Also drop undeclared indexes. Use it only after all services run this version.")
]


@topology_app.command("apply")
def apply_topology(management_url: ManagementUrl = "", wait: Wait = 0.0, as_json: AsJson = False) -> None:
    """Declare missing queues, set every policy, and set the user of each service whose password is given.

    FLOWPORT_AMQP_URL is the broker to declare queues in; FLOWPORT_AMQP_PASSWORD_GATEWAY, …_DEPLOY, …_EXECUTOR and
    …_JOBS are the passwords. Without them, queues or users stay unchanged. FLOWPORT_LONGEST_RUN_SECONDS is the longest
    duration of a run.

    Example: flowport topology apply http://admin:password@rabbitmq:15672
    """
    require_services("flowport topology apply", Extra.SERVER)
    from flowport.admin import broker_topology, run_when_available  # noqa: PLC0415 - a slow import
    from shared.settings import CommonSettings, load_settings  # noqa: PLC0415

    settings = load_settings(CommonSettings)
    rows = run_when_available(lambda: broker_topology.apply_topology(management_url, settings), seconds=wait)
    Output(as_json=as_json).print_rows(("what", "name"), rows)


@topology_app.command("check")
def check_topology(management_url: ManagementUrl = "", as_json: AsJson = False) -> None:
    """Fail if a queue or policy is missing, a policy differs, or a queue has too few members.

    Example: flowport topology check http://admin:password@rabbitmq:15672
    """
    require_services("flowport topology check", Extra.SERVER)
    from flowport.admin import broker_topology  # noqa: PLC0415 - a slow import
    from shared.settings import CommonSettings, load_settings  # noqa: PLC0415

    rows = asyncio.run(broker_topology.check_topology(management_url, load_settings(CommonSettings)))
    Output(as_json=as_json).print_rows(("queue", "problem"), rows)
    if rows:
        raise CommandFailed(f"the topology differs: {'; '.join(dict.fromkeys(row['fix'] for row in rows))}")


@indexes_app.command("apply")
def apply_indexes(prune: Prune = False, wait: Wait = 0.0, as_json: AsJson = False) -> None:
    """Create missing indexes while the services run. The command is idempotent.

    FLOWPORT_MONGODB_URI names the store; FLOWPORT_MONGODB_URI_GATEWAY, …_DEPLOY and …_JOBS override it for one service.

    Example: flowport indexes apply
    """
    require_services("flowport indexes apply", Extra.SERVER)
    from flowport.admin import run_when_available, store_indexes  # noqa: PLC0415 - imports all services, a second
    from shared.settings import StoreSettings, load_settings  # noqa: PLC0415

    settings = load_settings(StoreSettings)
    rows = run_when_available(lambda: store_indexes.apply_indexes(settings, prune=prune), seconds=wait)
    Output(as_json=as_json).print_rows(("index", "state"), rows)


@indexes_app.command("check")
def check_indexes(as_json: AsJson = False) -> None:
    """Fail if an index is missing. Also lists indexes that this version does not declare.

    Example: flowport indexes check
    """
    require_services("flowport indexes check", Extra.SERVER)
    from flowport.admin import store_indexes  # noqa: PLC0415 - imports all services, a second
    from shared.settings import StoreSettings, load_settings  # noqa: PLC0415

    rows = asyncio.run(store_indexes.check_indexes(load_settings(StoreSettings)))
    Output(as_json=as_json).print_rows(("index", "state"), rows)
    if any(row["state"] == store_indexes.MISSING for row in rows):
        raise CommandFailed("indexes are missing. Create them with `flowport indexes apply`")
