"""`flowport indexes`: indexes of the store. The services keep running."""

from typing import Annotated

import typer

from flowport.commands.session import AsJson
from flowport.errors import CommandFailed
from flowport.extras import Extra, require_services
from flowport.output import Output

indexes_app = typer.Typer(help="The store's indexes.", no_args_is_help=True)

Prune = Annotated[
    bool, typer.Option("--prune", help="Also drop undeclared indexes. Use it only after all services run this version.")
]
Wait = Annotated[float, typer.Option("--wait", min=0, help="Seconds to wait for an unavailable store.")]
COLUMNS = ("index", "state")


@indexes_app.command("apply")
def apply(prune: Prune = False, wait: Wait = 0.0, as_json: AsJson = False) -> None:
    """Create missing indexes while the services run. The command is idempotent.

    FLOWPORT_MONGODB_URI names the store; FLOWPORT_MONGODB_URI_GATEWAY, …_DEPLOY and …_JOBS override it for one service.

    Example: flowport indexes apply
    """
    require_services("flowport indexes apply", Extra.SERVER)
    from flowport.admin.availability import run_when_available  # noqa: PLC0415 - as the next
    from flowport.admin.store_indexes import apply_indexes  # noqa: PLC0415 - imports all services, which takes a second

    rows = run_when_available(lambda: apply_indexes(prune=prune), seconds=wait)
    Output(as_json=as_json).print_rows(COLUMNS, rows)


@indexes_app.command("check")
def check(as_json: AsJson = False) -> None:
    """Fail if an index is missing. Also lists indexes that this version does not declare.

    Example: flowport indexes check
    """
    require_services("flowport indexes check", Extra.SERVER)
    from flowport.admin.store_indexes import MISSING, check_indexes  # noqa: PLC0415 - imports all services, which takes a second

    rows = check_indexes()
    Output(as_json=as_json).print_rows(COLUMNS, rows)
    if any(row["state"] == MISSING for row in rows):
        raise CommandFailed("indexes are missing. Create them with `flowport indexes apply`")
