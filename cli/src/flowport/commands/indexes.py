"""`flowport indexes`: what the services find their documents by. Nobody has to stop for it."""

from typing import Annotated

import typer

from flowport.commands.session import AsJson
from flowport.failures import CommandFailed
from flowport.output import Output

indexes_app = typer.Typer(help="The store's indexes.", no_args_is_help=True)

Prune = Annotated[
    bool, typer.Option("--prune", help="Then drop what this version does not declare. Only once no older one runs.")
]
COLUMNS = ("index", "state")


@indexes_app.command("apply")
def apply(prune: Prune = False, as_json: AsJson = False) -> None:
    """Make the indexes that are missing, however long that takes, while everything works on. Again, it does nothing.

    FLOWPORT_MONGODB_URI names the store; FLOWPORT_MONGODB_URI_GATEWAY, …_DEPLOY and …_JOBS that of one service, where
    each has a user of its own.
    """
    from flowport.store_indexes import put_right  # noqa: PLC0415 - it knows all services: that takes a second

    Output(as_json=as_json).rows(COLUMNS, put_right(prune=prune))


@indexes_app.command("check")
def check(as_json: AsJson = False) -> None:
    """Fail if any index is missing; show those too that this version does not declare."""
    from flowport.store_indexes import MISSING, look  # noqa: PLC0415 - it knows all services: that takes a second

    rows = look()
    Output(as_json=as_json).rows(COLUMNS, rows)
    if any(row["state"] == MISSING for row in rows):
        raise CommandFailed("indexes are missing: `flowport indexes apply` makes them, while the services work on")
