"""`flowport recordings`: list, show, delete. Requires a key with the write scope."""

from itertools import islice
from typing import Annotated, Final

import typer

from flowport.client.api_client import PAGE_SIZE, api_path
from flowport.commands.session import Session, WorkflowName, command

recordings_app = typer.Typer(help="Recorded runs of a workflow.", no_args_is_help=True)

RunId = Annotated[str, typer.Argument(metavar="RUN", help="Id of the recorded run.")]
COLUMNS: Final = ("runId", "version", "status", "trigger", "startedAt", "durationMs", "blocks", "size", "expiresAt")


@command(recordings_app, "list")
def list_recordings(
    session: Session,
    workflow: WorkflowName,
    conversation: Annotated[str | None, typer.Option(help="Only recordings of this conversation.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Maximum number of recordings, newest first.")] = 20,
) -> None:
    """List the latest recorded runs of a workflow.

    Example: flowport recordings list Support
    """
    query = {"limit": min(limit, PAGE_SIZE)} | ({"conversationId": conversation} if conversation else {})
    found = session.client.pages(_path(session, workflow), query)
    session.output.print_rows(COLUMNS, list(islice(found, limit)))


@command(recordings_app)
def show(session: Session, workflow: WorkflowName, run: RunId) -> None:
    """Print a recorded run with the inputs and output of each block. The audit log records the reading.

    Example: flowport recordings show Support 0d1b…
    """
    session.output.print_document(session.client.call("GET", _path(session, workflow, run))["data"])


@command(recordings_app)
def delete(
    session: Session,
    workflow: WorkflowName,
    run: Annotated[str | None, typer.Argument(metavar="[RUN]", help="Id of the recorded run.")] = None,
    conversation: Annotated[str | None, typer.Option(help="Delete all recordings of this conversation.")] = None,
) -> None:
    """Delete the recording of a run, or all recordings of a conversation.

    Example: flowport recordings delete Support 0d1b…
    """
    if (run is None) == (conversation is None):
        raise typer.BadParameter("name a run or --conversation")
    if run is not None:
        session.client.call("DELETE", _path(session, workflow, run))
        deleted = 1
    else:
        query = {"conversationId": conversation}
        deleted = session.client.call("DELETE", _path(session, workflow), query=query)["data"]["deleted"]
    session.output.print_done({"deleted": deleted}, f"Deleted {deleted} recordings")


def _path(session: Session, workflow: str, *more: str) -> str:
    return api_path("v2", "workflows", session.client.workflow_id(workflow), "recordings", *more)
