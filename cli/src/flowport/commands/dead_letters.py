"""`flowport dead-letters`: messages that could not be processed. Requires a key with the admin scope."""

from itertools import islice
from typing import Annotated, Final

import typer

from flowport.client.api_client import JsonObject, api_path
from flowport.commands.session import Session, command

dead_letters_app = typer.Typer(help="Messages that could not be processed. Retry or delete them.", no_args_is_help=True)

LetterId = Annotated[str, typer.Argument(metavar="LETTER", help="Id of the dead letter.")]
COLUMNS: Final = ("id", "kind", "queue", "reason", "runId", "diedAt")


@command(dead_letters_app, "list")
def list_letters(
    session: Session,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Maximum number of dead letters, newest first.")] = 50,
) -> None:
    """List dead letters.

    Example: flowport dead-letters list --limit 10
    """
    pages = session.client.pages(
        api_path("v1", "dead-letters"), {"limit": min(limit, 100), **_workspace_query(session)}
    )
    session.output.print_rows(COLUMNS, list(islice(pages, limit)))


@command(dead_letters_app)
def redrive(session: Session, letter: LetterId) -> None:
    """Redrive a dead letter. A run starts again as a new run.

    Example: flowport dead-letters redrive 6f1c…
    """
    route = api_path("v1", "dead-letters", letter, "redrive")
    session.output.print_record(session.client.call("POST", route, query=_workspace_query(session))["data"])


@command(dead_letters_app)
def discard(session: Session, letter: LetterId) -> None:
    """Delete a dead letter.

    Example: flowport dead-letters discard 6f1c…
    """
    session.client.call("DELETE", api_path("v1", "dead-letters", letter), query=_workspace_query(session))
    session.output.print_done({"id": letter, "discarded": True}, f"Deleted dead letter {letter}")


def _workspace_query(session: Session) -> JsonObject:
    return {"workspaceId": session.client.workspace_id}
