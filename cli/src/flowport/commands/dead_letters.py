"""`flowport dead-letters`: what nobody could work on. Needs a key with the admin scope."""

from itertools import islice
from typing import Annotated, Final

import typer

from flowport.client.door import JsonObject, path
from flowport.commands.session import Session, command

dead_letters_app = typer.Typer(help="What nobody could work on, and waits for you.", no_args_is_help=True)

LetterId = Annotated[str, typer.Argument(metavar="LETTER", help="Id of the dead letter.")]
COLUMNS: Final = ("id", "kind", "queue", "reason", "runId", "diedAt")


@command(dead_letters_app, "list")
def list_letters(
    session: Session, limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the newest first.")] = 50
) -> None:
    """Show them."""
    pages = session.door.pages(path("v1", "dead-letters"), {"limit": min(limit, 100), **_where(session)})
    session.output.rows(COLUMNS, list(islice(pages, limit)))


@command(dead_letters_app)
def redrive(session: Session, letter: LetterId) -> None:
    """Give one another chance; a run begins anew, as a run of its own."""
    route = path("v1", "dead-letters", letter, "redrive")
    session.output.record(session.door.call("POST", route, query=_where(session))["data"])


@command(dead_letters_app)
def discard(session: Session, letter: LetterId) -> None:
    """Forget one."""
    session.door.call("DELETE", path("v1", "dead-letters", letter), query=_where(session))
    session.output.done({"id": letter, "discarded": True}, f"{letter} is gone")


def _where(session: Session) -> JsonObject:
    return {"workspaceId": session.door.workspace_id}
